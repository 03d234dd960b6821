// On random policies over several files, with named requirements, defaults and conditions: how the rules are
// spread over files and ordered in them never matters, explain says what decide says, and both say what a
// naive reading of the requirement says.

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "policy/explain.hpp"
#include "policy/held_subject.hpp"
#include "policy/policy_files.hpp"
#include "policy_text.hpp"

namespace postern::policy {
namespace {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_);
  }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class T>
  const T& of(const std::vector<T>& items) {
    return items[below(items.size())];
  }
  template <class T>
  void shuffle(std::vector<T>& items) {
    std::shuffle(items.begin(), items.end(), engine_);
  }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> terms = {"permission: p.a",  "permission: p.b", "role: r",
                                        "group: g",         "license: l",      "requirement: staff",
                                        "requirement: both"};

/// A random requirement as YAML, without braces.
std::string requirement(Dice& dice, int depth) {
  if (depth == 0 || dice.one_in(2)) return dice.of(terms);
  const std::string key = dice.of<std::string>({"any_of", "all_of", "not"});
  if (key == "not") return "not: {" + requirement(dice, depth - 1) + "}";
  std::string list;
  for (std::size_t n = 1 + dice.below(3); n > 0; --n)
    list += (list.empty() ? "{" : ", {") + requirement(dice, depth - 1) + "}";
  return key + ": [" + list + "]";
}

/// One rule as a line of YAML. Paths are different, so none compete.
std::string rule(Dice& dice, std::size_t number) {
  std::string text = "  - {id: r" + std::to_string(number) + ", path: '/" + std::to_string(number) + "/{x}'";
  if (dice.one_in(6)) return text + ", allow: anonymous}\n";
  if (dice.one_in(6)) return text + ", deny: true}\n";
  text += ", " + requirement(dice, 3);
  if (dice.one_in(3)) text += ", query: {v: [1, 2]}";
  if (dice.one_in(3)) text += ", client: {not: 192.0.2.0/24}";
  if (dice.one_in(4)) text += ", mode: shadow";
  return text + "}\n";
}

const std::string head = "version: 1\n";
const std::string names =
    "requirements: {staff: {all_of: [{group: g}, {not: {role: r}}]}, both: {any_of: [{requirement: staff}, "
    "{permission: p.a}]}}\n";

/// The rules spread at random over up to four files; what the first one names holds in all of them.
std::unique_ptr<const Policy> spread(Dice& dice, std::vector<std::string> rules) {
  const std::vector<std::string> paths = {"policy.yaml", "a.yaml", "b/b.yaml", "b/c/c.yaml"};
  dice.shuffle(rules);
  std::map<std::string, std::string> files;
  std::vector<std::string> contents(paths.size());
  const std::size_t count = 1 + dice.below(paths.size());
  for (const std::string& one : rules) contents[dice.below(count)] += one;
  // A file without a rule would be a mistake; a chain of includes from one to the next is none.
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = head;
    const bool last = i + 1 == count;
    if (i == 0) text += names;
    if (!last) {
      const std::size_t up = paths[i].rfind('/') + 1;
      text += "include: [" + paths[i + 1].substr(up) + "]\n";
    }
    if (!contents[i].empty()) text += "rules:\n" + contents[i];
    if (last && contents[i].empty())
      text += "rules:\n  - {id: filler" + std::to_string(i) + ", path: /filler, deny: true}\n";
    files[paths[i]] = text;
  }
  Diagnostics diagnostics;
  const PolicyFiles gathered = gather_files(
      "policy.yaml",
      {[&](const std::string& path) { return files.contains(path) ? std::string() : "is not there"; },
       [&](const std::string& path, Diagnostics& found) { return yaml::parse(path, files.at(path), found); }},
      diagnostics);
  auto policy = Policy::compile(gathered, nullptr, diagnostics);
  REQUIRE_MESSAGE(policy != nullptr, yaml::render(diagnostics, documents_of(gathered)));
  return policy;
}

/// Whatever any of these policies may name.
Catalog all_known(const Policy& policy) {
  Catalog known = catalog_of(policy.symbols());
  const auto add = [&known](EntityKind kind, std::string id) {
    Catalog::Entity entity;
    entity.id = std::move(id);
    add_entity(known, kind, std::move(entity));
  };
  for (const char* id : {"p.a", "p.b"}) add(EntityKind::permission, id);
  add(EntityKind::role, "r");
  add(EntityKind::group, "g");
  add(EntityKind::license, "l");
  return known;
}

Holdings holder(Dice& dice) {
  Holdings holdings;
  holdings.id = "t";
  for (const char* id : {"p.a", "p.b"})
    if (dice.one_in(2)) holdings.permissions.emplace_back(id);
  if (dice.one_in(2)) holdings.roles = {"r"};
  if (dice.one_in(2)) holdings.groups = {"g"};
  if (dice.one_in(2)) holdings.licenses = {"l"};
  return holdings;
}

/// The requirement read word by word.
bool met(const Requirement& part, const Holdings& who) {
  const auto holds = [&part](const std::vector<std::string>& ids) {
    return std::find(ids.begin(), ids.end(), part.id) != ids.end();
  };
  const auto child = [&who](const Requirement& one) { return met(one, who); };
  switch (part.kind) {
    case RequirementKind::permission:
      return holds(who.permissions);
    case RequirementKind::role:
      return holds(who.roles);
    case RequirementKind::group:
      return holds(who.groups);
    case RequirementKind::license:
      return holds(who.licenses);
    case RequirementKind::all_of:
      return std::all_of(part.children.begin(), part.children.end(), child);
    case RequirementKind::any_of:
      return std::any_of(part.children.begin(), part.children.end(), child);
    case RequirementKind::negation:
      return !met(part.children.front(), who);
    default:
      FAIL("no such term was made");
      return false;
  }
}

/// Whether a request may pass, in the words of policy/README.md.
bool passes(const Rule* rule, Credential credential, const Holdings& who, bool conditions_hold) {
  if (rule == nullptr || rule->requirement.kind == RequirementKind::never) return false;
  if (rule->requirement.kind == RequirementKind::anonymous) return conditions_hold;
  if (credential != Credential::valid) return false;
  if (rule->mode == Mode::shadow) return true;
  return conditions_hold && met(rule->requirement, who);
}

TEST_CASE("files and order never matter, explain says what decide says, and both what the words say") {
  const unsigned seed = std::random_device{}();
  MESSAGE("seed ", seed);
  CAPTURE(seed);
  Dice dice(seed);
  std::map<std::string, int> seen;
  for (int round = 0; round < 150; ++round) {
    std::vector<std::string> rules;
    for (std::size_t i = 0; i < 1 + dice.below(12); ++i) rules.push_back(rule(dice, i));
    const auto one = spread(dice, rules), other = spread(dice, rules);
    for (int n = 0; n < 40; ++n) {
      const test::Path path("/" + std::to_string(dice.below(rules.size() + 1)) + "/7");
      const std::string query = dice.of<std::string>({"v=1", "v=3", "", "v=2&v=1", "v=1&v=4"});
      const std::array<std::uint8_t, 16> client{
          0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, static_cast<std::uint8_t>(dice.one_in(2) ? 2 : 3),
          1};
      const ConditionInput input{query, {}, client, false};
      const Credential credential = dice.of<Credential>(
          {Credential::valid, Credential::valid, Credential::absent, Credential::unusable});
      const Holdings who = holder(dice);
      const auto ask = [&](const Policy& policy) {
        const Catalog catalog = all_known(policy);
        const HeldSubject held(who, catalog);
        const Subject subject = credential == Credential::valid ? held.subject() : Subject{};
        const Binding binding = policy.bind(catalog);
        const Explanation told =
            explain(policy, {"", path.canonical, "GET", &input}, false, binding, credential, subject);

        Match match = policy.match("", path.canonical, "GET");
        if (match.rule != nullptr) match.failed = first_failed(match.rule->conditions, input);
        const Decision decision = decide(match, binding, credential, subject);
        CHECK(told.match.rule == match.rule);
        CHECK(told.decision.verdict == decision.verdict);
        CHECK(told.decision.reason == decision.reason);
        CHECK(told.decision.shadowed == decision.shadowed);
        CHECK(told.decision.unmet == decision.unmet);
        CHECK(told.decision.failed == decision.failed);
        const bool hold = std::all_of(told.conditions.begin(), told.conditions.end(),
                                      [](const auto& condition) { return condition.second; });
        CHECK(hold == (match.failed == nullptr));
        CHECK((decision.verdict == Verdict::allow) == passes(match.rule, credential, who, hold));
        if (credential == Credential::valid && !told.parts.empty() && match.rule != nullptr &&
            match.rule->requirement.kind > RequirementKind::authenticated)
          CHECK((told.parts.front().answer == Answer::met) == met(match.rule->requirement, who));
        return std::string(match.rule == nullptr ? "none" : match.rule->id) + " " +
               std::string(to_string(decision.reason)) + (decision.shadowed ? " shadowed" : "");
      };
      const std::string said = ask(*one);
      CHECK(said == ask(*other));
      ++seen[said.substr(said.find(' ') + 1)];
    }
  }
  // Every way in which it can end was met.
  for (const char* reason : {"granted", "anonymous", "denied", "no_credential", "invalid_token",
                             "condition_not_met", "missing_permission", "requirement_not_met", "no_rule",
                             "granted", "missing_role", "condition_not_met shadowed"})
    CHECK_MESSAGE(seen[reason] > 0, reason);
}

}  // namespace
}  // namespace postern::policy
