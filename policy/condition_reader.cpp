#include "policy/condition_reader.hpp"

#include <algorithm>

#include "conf/limits.hpp"
#include "conf/option.hpp"

namespace postern::policy {
namespace {

constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~";

/// Fields that never reach an upstream as they came, so that a condition on one could not hold.
constexpr std::string_view own_fields[] = {
    "authorization", "connection",          "content-length",
    "expect",        "forwarded",           "host",
    "keep-alive",    "proxy-authorization", "te",
    "trailer",       "transfer-encoding",   "upgrade",
};

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           token_marks.find(c) != std::string_view::npos;
  });
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_true(const yaml::Node& node) {
  return node.kind == yaml::Kind::scalar && node.scalar == "true";
}

class Reader {
 public:
  Reader(const TellMistake& tell, std::vector<Condition>& conditions)
      : tell_(tell), conditions_(conditions) {}

  void named(const yaml::Node& mapping, Condition::On on, const std::string& key) {
    if (mapping.kind != yaml::Kind::mapping || mapping.entries.empty()) {
      tell_(mapping, quoted(key) + " wants names and what they may be",
            "for example '" + key + ": {version: 2}'");
      return;
    }
    for (const yaml::Entry& entry : mapping.entries) {
      Condition condition;
      condition.on = on;
      condition.name = on == Condition::On::header ? lower(entry.key) : entry.key;
      condition.place = {static_cast<std::uint32_t>(entry.line), static_cast<std::uint32_t>(entry.column)};
      if (on == Condition::On::header && !field_is_sound(entry, condition.name)) continue;
      if (value(entry.value, condition)) add(entry.value, std::move(condition));
    }
  }

  void client(const yaml::Node& node) {
    Condition condition;
    condition.on = Condition::On::client;
    condition.place = {static_cast<std::uint32_t>(node.line), static_cast<std::uint32_t>(node.column)};
    const yaml::Node* networks = &node;
    if (node.kind == yaml::Kind::mapping) {
      networks = node.find("not");
      condition.test = Condition::Test::none_of;
      if (networks == nullptr || node.entries.size() != 1) {
        tell_(node, "\"client\" wants networks, or {not: networks}", "for example 'client: [10.0.0.0/8]'");
        return;
      }
    }
    const std::size_t before = mistakes_;
    each(*networks, [&](const yaml::Node& item) { network(item, condition); });
    if (mistakes_ == before) add(node, std::move(condition));
  }

 private:
  bool field_is_sound(const yaml::Entry& entry, const std::string& name) {
    const bool own = std::find(std::begin(own_fields), std::end(own_fields), name) != std::end(own_fields);
    if (is_token(name) && !own) return true;
    mistake(entry.value, own ? quoted(entry.key) + " never passes to the upstream as it came"
                             : quoted(entry.key) + " is no field name");
    return false;
  }

  bool value(const yaml::Node& node, Condition& condition) {
    const std::size_t before = mistakes_;
    const yaml::Node* values = &node;
    if (node.kind == yaml::Kind::mapping) {
      const yaml::Node* present = node.find("present");
      const yaml::Node* absent = node.find("absent");
      values = node.find("not");
      const yaml::Node* only = present != nullptr ? present : absent;
      if (node.entries.size() != 1 || (values == nullptr && (only == nullptr || !is_true(*only)))) {
        mistake(node, "a condition is a text, a list, {not: ...}, {present: true} or {absent: true}");
        return false;
      }
      condition.test = values != nullptr    ? Condition::Test::none_of
                       : present != nullptr ? Condition::Test::present
                                            : Condition::Test::absent;
      if (values == nullptr) return true;
    }
    each(*values, [&](const yaml::Node& item) { condition.values.push_back(item.scalar); });
    return mistakes_ == before;
  }

  void network(const yaml::Node& item, Condition& condition) {
    if (const auto network = parse_network(item.scalar)) {
      condition.networks.push_back(*network);
      return;
    }
    const auto enclosing = enclosing_network(item.scalar);
    mistake(item, quoted(item.scalar) + " is not a network",
            enclosing ? "did you mean " + quoted(to_string(*enclosing)) + "?"
                      : "write it as 10.0.0.0/8 or fd00::/8");
  }

  /// A scalar, or a list of at least one.
  template <class Take>
  void each(const yaml::Node& node, Take take) {
    if (node.kind == yaml::Kind::scalar) return take(node);
    if (node.kind != yaml::Kind::sequence || node.items.empty())
      return mistake(node, "a value, or a list of at least one, is missing here");
    for (const yaml::Node& item : node.items) {
      if (item.kind == yaml::Kind::scalar)
        take(item);
      else
        mistake(item, "one value is expected here");
    }
  }

  void add(const yaml::Node& node, Condition condition) {
    const std::size_t values = condition.values.size() + condition.networks.size();
    if (values > limits::condition_values_max)
      return mistake(node, "more than " + std::to_string(limits::condition_values_max) + " values");
    if (conditions_.size() == limits::conditions_max)
      return mistake(node, "more than " + std::to_string(limits::conditions_max) + " conditions in a rule");
    conditions_.push_back(std::move(condition));
  }

  void mistake(const yaml::Node& node, std::string message, std::string suggestion = {}) {
    ++mistakes_;
    tell_(node, std::move(message), std::move(suggestion));
  }

  const TellMistake& tell_;
  std::vector<Condition>& conditions_;
  std::size_t mistakes_ = 0;
};

}  // namespace

std::vector<Condition> read_conditions(const yaml::Node& rule, const TellMistake& tell) {
  std::vector<Condition> conditions;
  Reader reader(tell, conditions);
  if (const yaml::Node* client = rule.find("client")) reader.client(*client);
  if (const yaml::Node* query = rule.find("query")) reader.named(*query, Condition::On::query, "query");
  if (const yaml::Node* headers = rule.find("headers"))
    reader.named(*headers, Condition::On::header, "headers");
  return conditions;
}

}  // namespace postern::policy
