// What a reload tells of the rules: added, removed, changed, and nothing of what merely moved.

#include "policy/rule_changes.hpp"

#include <map>
#include <set>

#include "policy/rule_keys.hpp"
#include "policy_text.hpp"

namespace postern::policy {
namespace {

std::string changes(const std::string& before, const std::string& after) {
  const test::Loaded old = test::load(before), fresh = test::load(after);
  REQUIRE_MESSAGE(old.policy != nullptr, old.mistakes());
  REQUIRE_MESSAGE(fresh.policy != nullptr, fresh.mistakes());
  return to_string(rule_changes(*old.policy, *fresh.policy));
}

std::string rules(const std::string& lines) {
  return "version: 1\nrules:\n" + lines;
}

const std::string a = "  - {id: a, path: /a, permission: x.read}\n";
const std::string b = "  - {id: b, path: /b, role: x}\n";

TEST_CASE("rules that come, go and change are named by their ids") {
  CHECK(changes(rules(a), rules(a)) == "no rule changed");
  CHECK(changes(rules(a), rules(a + b)) == "1 rule added (b)");
  CHECK(changes(rules(a + b), rules(b)) == "1 rule removed (a)");
  CHECK(changes(rules(a), rules("  - {id: a, path: /a, permission: x.write}\n")) == "1 rule changed (a)");
  CHECK(changes(rules(a + b), rules("  - {id: b, path: /b2, role: x}\n  - {id: c, path: /c, role: x}\n")) ==
        "1 rule added (c), 1 removed (a), 1 changed (b)");
}

TEST_CASE("what moves in the file has not changed") {
  CHECK(changes(rules(a + b), rules("\n# a word\n" + b + a)) == "no rule changed");
  // Not even a rule that is named by its line.
  const std::string nameless = "  - {path: /n, methods: [GET, PUT], deny: true}\n";
  CHECK(changes(rules(nameless + a), rules(a + "  - {path: /n, methods: [PUT, GET], deny: true}\n")) ==
        "no rule changed");
  CHECK(changes(rules(nameless), rules("\n  - {path: /n, methods: [GET, PUT], role: x}\n")) ==
        "1 rule changed (policy.yaml:4)");
}

TEST_CASE("a rule changes with the requirement and the default that it goes by") {
  const auto text = [](const std::string& head) {
    return "version: 1\n" + head + "rules:\n  - {id: a, path: /a, requirement: staff}\n" + b;
  };
  CHECK(changes(text("requirements: {staff: {group: staff}}\n"),
                text("requirements: {staff: {group: all_staff}}\n")) == "1 rule changed (a)");
  CHECK(changes(text("requirements: {staff: {group: staff}}\n"),
                text("requirements: {staff: {group: staff}}\ndefaults: {body_limit: 1MB}\n")) ==
        "2 rules changed (a, b)");
}

TEST_CASE("of many only some are named") {
  std::string many;
  for (int i = 0; i < 12; ++i)
    many += "  - {id: r" + std::to_string(i) + ", path: /r" + std::to_string(i) + ", deny: true}\n";
  CHECK(changes(rules(a), rules(a + many)) == "12 rules added (r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, ...)");
}

TEST_CASE("a change of any key of a rule is a change of the rule") {
  // Two values for each key that a rule may have: a new key without an entry here fails.
  const std::map<std::string, std::pair<std::string, std::string>> values = {
      {"path", {"'/{p}'", "'/{q}'"}},
      {"methods", {"[GET]", "[PUT]"}},
      {"allow", {"anonymous", "preflight"}},
      {"resource", {"'r/{p}'", "'s/{p}'"}},
      {"upstream_headers", {"{X-A: '1'}", "{X-A: '2'}"}},
      {"deprecated", {"2026-01-01", "2026-01-02"}},
      {"sunset", {"2027-01-01", "2027-01-02"}},
      {"host", {"a.test", "b.test"}},
      {"mode", {"enforce", "shadow"}},
      {"trailers", {"drop", "pass"}},
      {"upstream", {"one", "two"}},
      {"credentials", {"[authorization]", "[{cookie: c}]"}},
      {"client", {"10.0.0.0/8", "{not: 10.0.0.0/8}"}},
      {"query", {"{v: 1}", "{v: 2}"}},
      {"headers", {"{X-B: 1}", "{X-C: 1}"}},
      {"body_limit", {"1MB", "0"}},
      {"timeouts", {"{idle: 1s}", "{body: 1s}"}},
      {"encoded_slash", {"refuse", "keep"}},
      {"permission", {"a.b", "a.c"}},
      {"role", {"a", "b"}},
      {"group", {"a", "b"}},
      {"license", {"a", "b"}},
      {"application_license", {"a", "b"}},
      {"client_certificate", {"true", "'CN=x'"}},
      {"owner", {"'{p}'", "'{q}'"}},
      {"any_of", {"[{role: a}]", "[{role: a}, {role: b}]"}},
      {"all_of", {"[{role: a}]", "[{role: b}]"}},
      {"not", {"{role: a}", "{group: a}"}},
  };
  // `id` is the name, `deny` and `authenticated` have one value, `requirement` stands for another.
  const std::set<std::string_view> alone = {"id", "deny", "authenticated", "requirement"};
  const std::vector<std::string> upstreams = {"one", "two"};
  for (const std::string_view key : keys_of({KeyUse::rule, KeyUse::option, KeyUse::requirement})) {
    if (alone.contains(key)) continue;
    CAPTURE(key);
    const auto found = values.find(std::string(key));
    REQUIRE(found != values.end());
    const auto compile = [&](const std::string& value) {
      std::string rule = "id: a, " + std::string(key) + ": " + value;
      if (key != "path") rule += ", path: '/{p}/{q}'";
      if (key == "path" || use_of(key) == KeyUse::option || key == "methods" || key == "upstream_headers" ||
          key == "deprecated" || key == "sunset")
        rule += ", authenticated: true";
      if (key == "resource") rule += ", permission: x";
      if (key != "upstream") rule += ", upstream: one";
      Diagnostics diagnostics;
      const yaml::Document document = yaml::parse("policy.yaml", rules("  - {" + rule + "}\n"), diagnostics);
      auto policy = Policy::compile(document, nullptr, diagnostics, &upstreams);
      REQUIRE_MESSAGE(policy != nullptr, yaml::render(diagnostics, {&document}));
      return policy;
    };
    const auto one = compile(found->second.first), other = compile(found->second.second);
    CHECK(rule_changes(*one, *compile(found->second.first)).empty());
    CHECK(rule_changes(*one, *other).changed.size() == 1);
  }
}

}  // namespace
}  // namespace postern::policy
