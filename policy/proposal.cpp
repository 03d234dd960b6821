#include "policy/proposal.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "conf/utf8.hpp"
#include "policy/overlap.hpp"

namespace postern::policy {
namespace {

constexpr std::size_t id_part_bytes_max = 64;  // leaves room for ".administrator" and for numbers

bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Of a text without a letter, so that two of them do not become one id (FNV-1a).
std::string fingerprint(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "tag_";
  for (int shift = 28; shift >= 0; shift -= 4) out += digits[hash >> shift & 15];
  return out;
}

/// "shop.pull_requests" of "Shop.Pull Requests": what an id of permissions and roles may be.
std::string entity_id(std::string_view text) {
  std::string id;
  for (const char c : text) {
    if (is_lower(lower(c)) || (is_digit(c) && !id.empty()))
      id += lower(c);
    else if (c == '.' && !id.empty() && id.back() != '.')
      id += c;
    else if (!id.empty() && id.back() != '_' && id.back() != '.')
      id += '_';
  }
  id.resize(std::min(id.size(), id_part_bytes_max));
  while (!id.empty() && (id.back() == '_' || id.back() == '.')) id.pop_back();
  return id.empty() ? fingerprint(text) : id;
}

bool is_entity_id(std::string_view text) {
  const auto fits = [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '.'; };
  return !text.empty() && text.size() <= limits::entity_id_bytes_max && is_lower(text.front()) &&
         text.back() != '.' && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), fits);
}

bool is_version(std::string_view text) {
  return text.size() > 1 && text.front() == 'v' && is_digit(text[1]);
}

/// What stands for the tag where there is none: the first segment that says something.
std::string first_word(const Operation& operation) {
  for (const TemplateSegment& segment : operation.segments)
    if (segment.kind == TemplateSegment::Kind::literal && !segment.text.empty() && segment.text != "api" &&
        segment.text != "rest" && !is_version(segment.text))
      return segment.text;
  return "api";
}

bool reads(const std::string& method) {
  return method == "GET" || method == "HEAD";
}

std::string template_of(const Operation& operation) {
  std::string path;
  for (const TemplateSegment& segment : operation.segments) {
    path += '/';
    if (segment.kind == TemplateSegment::Kind::param) {
      path += '{' + segment.text + '}';
      continue;
    }
    // A '*' or a leading ':' in a rule would be another router's wild card, and is refused.
    for (std::size_t i = 0; i < segment.text.size(); ++i) {
      const char c = segment.text[i];
      if (c == '*')
        path += "%2A";
      else if (c == ':' && i == 0)
        path += "%3A";
      else
        path += c;
    }
  }
  return path;
}

/// What a rule may be called: letters, digits, '.', '_' and '-'.
std::string rule_id(const Operation& operation) {
  std::string name = operation.id;
  if (name.empty()) {
    for (const char c : operation.method) name += lower(c);
    name += operation.path;
  }
  std::string id;
  for (const char c : name) {
    const bool word = is_lower(lower(c)) || is_digit(c);
    if (word || (!id.empty() && (c == '_' || c == '.')))
      id += c;
    else if (!id.empty() && id.back() != '-')
      id += '-';
  }
  id.resize(std::min(id.size(), id_part_bytes_max + 32));
  while (!id.empty() && id.back() == '-') id.pop_back();
  return id.empty() ? "operation" : id;
}

template <class List>
void add_once(List& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

class Proposer {
 public:
  Proposer(const yaml::Document& document, bool open, Diagnostics& diagnostics)
      : document_(document), open_(open), diagnostics_(diagnostics) {}

  void take(const Operation& operation) {
    if (!operation.unreachable.empty()) return;
    Rule shape;
    shape.path = "/";
    shape.segments = operation.segments;
    const auto [known, fresh] =
        rules_.try_emplace(operation.method + ' ' + shape_of(shape), proposal_.rules.size());
    if (fresh)
      proposal_.rules.push_back({{}, template_of(operation), operation.method, {}, {}, open_, false, {}});
    ProposedRule& rule = proposal_.rules[known->second];
    const std::string tag = operation.tag.empty() ? first_word(operation) : operation.tag;
    const std::string group = entity_id(tag);
    if (fresh) rule.group = group;
    add_once(groups_, group);
    names_.try_emplace(group, tag);
    const bool undeclared = operation.security != Declared::secured;
    rule.undeclared = rule.undeclared || undeclared;
    rule.open = rule.open && undeclared;
    add_once(rule.permissions, permission(operation, group));
    rule.operations.push_back(&operation);
  }

  Proposal finish() {
    std::stable_sort(
        proposal_.rules.begin(), proposal_.rules.end(),
        [this](const ProposedRule& a, const ProposedRule& b) { return rank(a.group) < rank(b.group); });
    std::set<std::string> ids;
    for (ProposedRule& rule : proposal_.rules) {
      const std::string first = rule_id(*rule.operations.front());
      rule.id = first;
      for (std::size_t n = 2; !ids.insert(rule.id).second; ++n) rule.id = first + '-' + std::to_string(n);
      if (rule.open || rule.permissions.size() > proposed_permissions_max) rule.permissions.clear();
    }
    for (const std::string& group : groups_) roles(group);
    return std::move(proposal_);
  }

 private:
  [[nodiscard]] std::size_t rank(const std::string& group) const {
    return static_cast<std::size_t>(std::find(groups_.begin(), groups_.end(), group) - groups_.begin());
  }

  std::string permission(const Operation& operation, const std::string& group) {
    if (operation.permission.empty()) return group + (reads(operation.method) ? ".read" : ".write");
    if (!is_entity_id(operation.permission))
      diagnostics_.add(
          {document_.file, operation.place.line, operation.place.column},
          quoted(operation.permission) + " is no id of a permission",
          "write lower-case letters, digits, '_' and dots, as in " + quoted(entity_id(operation.permission)));
    return operation.permission;
  }

  /// What the rules of a group demand, and who should hold it.
  void roles(const std::string& group) {
    ProposedRole reader{group + ".reader", names_[group] + ": reader", {}};
    ProposedRole writer{group + ".writer", names_[group] + ": writer", {}};
    ProposedRole administrator{group + ".admin", names_[group] + ": administrator", {}};
    for (const ProposedRule& rule : proposal_.rules) {
      if (rule.group != group) continue;
      for (const std::string& permission : rule.permissions) {
        name(permission, group);
        if (reads(rule.method)) add_once(reader.permissions, permission);
        // What the document itself gives a name of its own and deletes with is for administrators.
        if (rule.method != "DELETE" || permission == group + ".write")
          add_once(writer.permissions, permission);
        add_once(administrator.permissions, permission);
      }
    }
    const bool writes = writer.permissions.size() > reader.permissions.size();
    if (!reader.permissions.empty()) proposal_.roles.push_back(std::move(reader));
    if (writes) proposal_.roles.push_back(std::move(writer));
    if (!administrator.permissions.empty()) proposal_.roles.push_back(std::move(administrator));
  }

  void name(const std::string& permission, const std::string& group) {
    if (!named_.insert(permission).second) return;
    std::string name;
    if (permission == group + ".read") name = "Read " + names_[group];
    if (permission == group + ".write") name = "Write " + names_[group];
    proposal_.permissions.push_back({permission, std::move(name), group});
  }

  const yaml::Document& document_;
  bool open_;
  Diagnostics& diagnostics_;
  Proposal proposal_;
  std::map<std::string, std::size_t> rules_;  ///< by method and shape
  std::vector<std::string> groups_;           ///< in order of appearance
  std::map<std::string, std::string> names_;  ///< the tags themselves
  std::set<std::string> named_;
};

}  // namespace

Proposal propose(const yaml::Document& document, const std::vector<Operation>& operations, bool open,
                 Diagnostics& diagnostics) {
  Proposer proposer(document, open, diagnostics);
  for (const Operation& operation : operations) proposer.take(operation);
  return proposer.finish();
}

}  // namespace postern::policy
