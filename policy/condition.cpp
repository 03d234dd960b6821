#include "policy/condition.hpp"

#include <algorithm>

#include "conf/field_alias.hpp"
#include "conf/option.hpp"

namespace postern::policy {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// The next byte of a form-encoded text, taken off it; -1 for a broken escape.
int next_byte(std::string_view& raw) noexcept {
  const char c = raw.front();
  if (c != '%') {
    raw.remove_prefix(1);
    return c == '+' ? ' ' : static_cast<unsigned char>(c);
  }
  if (raw.size() < 3) return -1;
  const int high = hex_value(raw[1]);
  const int low = hex_value(raw[2]);
  raw.remove_prefix(3);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool decodes_to(std::string_view raw, std::string_view text) noexcept {
  while (!raw.empty()) {
    const int byte = next_byte(raw);
    if (text.empty() || byte < 0 || static_cast<unsigned char>(text.front()) != byte) return false;
    text.remove_prefix(1);
  }
  return text.empty();
}

/// Whether there is one way to read it.
bool is_plain(std::string_view query) noexcept {
  while (!query.empty()) {
    if (query.front() == ';') return false;
    // An escaped NUL ends the name for some readers.
    if (const int byte = next_byte(query); byte <= 0) return false;
  }
  return true;
}

bool is_exactly(std::string_view name, std::string_view wanted) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(name.begin(), name.end(), wanted.begin(), wanted.end(),
                    [lower](char a, char b) { return lower(a) == lower(b); });
}

/// Whether a value, or one of the values in a list of them, is `wanted`.
bool holds_element(std::string_view value, std::string_view wanted) noexcept {
  if (value == wanted) return true;
  for (bool more = true; more;) {
    const std::size_t comma = value.find(',');
    std::string_view element = value.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) value.remove_prefix(comma + 1);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t')) element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t')) element.remove_suffix(1);
    if (element == wanted) return true;
  }
  return false;
}

/// Takes one value after the other and then tells.
class Tally {
 public:
  explicit Tally(const Condition& condition) noexcept : condition_(condition) {}

  template <class Equals>
  void take(Equals equals) noexcept {
    ++count_;
    if (std::any_of(condition_.values.begin(), condition_.values.end(), equals)) ++among_;
  }
  [[nodiscard]] bool holds() const noexcept {
    switch (condition_.test) {
      case Condition::Test::one_of:
        return count_ > 0 && among_ == count_;
      case Condition::Test::none_of:
        return among_ == 0;
      case Condition::Test::present:
        return count_ > 0;
      case Condition::Test::absent:
        return count_ == 0;
    }
    return false;
  }

 private:
  const Condition& condition_;
  std::size_t count_ = 0, among_ = 0;
};

bool query_holds(const Condition& condition, std::string_view query) noexcept {
  if (!is_plain(query)) return false;
  Tally tally(condition);
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = pair.find('=');
    if (!decodes_to(pair.substr(0, equals), condition.name)) continue;
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    tally.take([value](const std::string& wanted) { return decodes_to(value, wanted); });
  }
  return tally.holds();
}

/// Another spelling of the name, which some reader takes for it, meets nothing: nobody knows what it will be
/// taken for.
bool header_holds(const Condition& condition, std::span<const HeaderField> headers) noexcept {
  Tally tally(condition);
  for (const HeaderField& field : headers) {
    if (!is_alias(field.name, without_edges(condition.name))) continue;
    if (!is_exactly(field.name, condition.name)) return false;
    const bool excludes = condition.test == Condition::Test::none_of;
    tally.take([&](const std::string& wanted) {
      return excludes ? holds_element(field.value, wanted) : field.value == wanted;
    });
  }
  return tally.holds();
}

bool client_holds(const Condition& condition, std::span<const std::uint8_t, 16> client) noexcept {
  if (std::all_of(client.begin(), client.end(), [](std::uint8_t byte) { return byte == 0; })) return false;
  const bool within = std::any_of(condition.networks.begin(), condition.networks.end(),
                                  [client](const Network& network) { return contains(network, client); });
  return within == (condition.test == Condition::Test::one_of);
}

}  // namespace

std::string_view to_string(Condition::On on) noexcept {
  switch (on) {
    case Condition::On::query:
      return "query";
    case Condition::On::header:
      return "header";
    case Condition::On::client:
      break;
  }
  return "client";
}

std::string to_string(const Condition& condition) {
  std::string text(to_string(condition.on));
  if (!condition.name.empty()) text += ' ' + condition.name;
  return text;
}

const Condition* first_failed(std::span<const Condition> conditions, const ConditionInput& input) noexcept {
  for (const Condition& condition : conditions) {
    if (input.client_only && condition.on != Condition::On::client) continue;
    const bool holds = condition.on == Condition::On::query    ? query_holds(condition, input.query)
                       : condition.on == Condition::On::header ? header_holds(condition, input.headers)
                                                               : client_holds(condition, input.client);
    if (!holds) return &condition;
  }
  return nullptr;
}

}  // namespace postern::policy
