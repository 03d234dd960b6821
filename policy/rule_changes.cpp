#include "policy/rule_changes.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <unordered_map>

#include "policy/overlap.hpp"

namespace postern::policy {
namespace {

bool same(const Requirement& one, const Requirement& other) {
  return one.kind == other.kind && one.id == other.id &&
         std::equal(one.children.begin(), one.children.end(), other.children.begin(), other.children.end(),
                    same);
}

bool same(const Condition& one, const Condition& other) {
  const auto equal = [](const Network& a, const Network& b) {
    return std::equal(std::begin(a.address), std::end(a.address), std::begin(b.address)) &&
           a.prefix == b.prefix;
  };
  return std::tie(one.on, one.test, one.name, one.values) ==
             std::tie(other.on, other.test, other.name, other.values) &&
         std::equal(one.networks.begin(), one.networks.end(), other.networks.begin(), other.networks.end(),
                    equal);
}

template <class T, class Same>
bool same(const std::vector<T>& one, const std::vector<T>& other, Same equal) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), equal);
}

bool same_service(const Rule& one, const Rule& other) {
  const auto header = [](const UpstreamHeader& a, const UpstreamHeader& b) {
    return a.name == b.name && a.value == b.value;
  };
  const RuleTimeouts &mine = one.timeouts, &yours = other.timeouts;
  return std::tie(one.mode, one.trailers, one.upstream, one.encoded_slash, one.body_limit,
                  one.answer_lines) == std::tie(other.mode, other.trailers, other.upstream,
                                                other.encoded_slash, other.body_limit, other.answer_lines) &&
         std::tie(mine.response, mine.body, mine.idle) == std::tie(yours.response, yours.body, yours.idle) &&
         one.credentials == other.credentials && same(one.upstream_headers, other.upstream_headers, header);
}

/// Methods in any order are the same methods.
std::vector<std::string> sorted(std::vector<std::string> methods) {
  std::sort(methods.begin(), methods.end());
  return methods;
}

/// What a rule is known by. Ids that were given hold no ':', the others all do.
std::string name_of(const Rule& rule) {
  if (rule.id.find(':') == std::string::npos) return rule.id;
  std::string name = ":" + shape_of(rule);
  for (const std::string& method : sorted(rule.methods)) name += ' ' + method;
  return name;
}

std::unordered_map<std::string, const Rule*> by_name(const Policy& policy) {
  std::unordered_map<std::string, const Rule*> rules;
  for (const Rule& rule : policy.rules()) rules.emplace(name_of(rule), &rule);
  return rules;
}

void tell(std::string& text, const std::vector<std::string>& ids, std::string_view what) {
  if (ids.empty()) return;
  text += (text.empty() ? "" : ", ") + std::to_string(ids.size());
  if (text.find("rule") == std::string::npos) text += ids.size() == 1 ? " rule" : " rules";
  text += ' ' + std::string(what) + " (";
  for (std::size_t i = 0; i < ids.size() && i < names_shown_max; ++i) text += (i == 0 ? "" : ", ") + ids[i];
  if (ids.size() > names_shown_max) text += ", ...";
  text += ')';
}

}  // namespace

bool says_the_same(const Rule& one, const Rule& other) {
  const auto part = [](const ResourcePart& a, const ResourcePart& b) {
    return a.literal == b.literal && a.param == b.param;
  };
  return one.host == other.host && one.path == other.path && sorted(one.methods) == sorted(other.methods) &&
         same(one.requirement, other.requirement) && same(one.resource, other.resource, part) &&
         same(one.conditions, other.conditions,
              [](const Condition& a, const Condition& b) { return same(a, b); }) &&
         same_service(one, other);
}

RuleChanges rule_changes(const Policy& before, const Policy& after) {
  RuleChanges changes;
  const auto old = by_name(before), fresh = by_name(after);
  for (const Rule& rule : after.rules()) {
    const auto found = old.find(name_of(rule));
    if (found == old.end())
      changes.added.push_back(rule.id);
    else if (!says_the_same(*found->second, rule))
      changes.changed.push_back(rule.id);
  }
  for (const Rule& rule : before.rules())
    if (!fresh.contains(name_of(rule))) changes.removed.push_back(rule.id);
  return changes;
}

std::string to_string(const RuleChanges& changes) {
  if (changes.empty()) return "no rule changed";
  std::string text;
  tell(text, changes.added, "added");
  tell(text, changes.removed, "removed");
  tell(text, changes.changed, "changed");
  return text;
}

}  // namespace postern::policy
