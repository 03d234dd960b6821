// Conditions, owners, named requirements, defaults and options of rules.

#include "policy/condition.hpp"

#include "policy/decide.hpp"
#include "policy/held_subject.hpp"
#include "policy/rule_keys.hpp"
#include "policy_text.hpp"

namespace postern::policy {
namespace {

constexpr std::array<std::uint8_t, 16> ten{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 1, 2, 3};

/// Whether the conditions of the one rule hold.
bool hold(const std::string& conditions, std::string_view query, std::vector<HeaderField> headers = {},
          std::span<const std::uint8_t, 16> client = ten) {
  const auto policy = test::policy_of("  - {path: /a, authenticated: true, " + conditions + "}\n");
  return first_failed(policy->rules()[0].conditions, {query, headers, client, false}) == nullptr;
}

TEST_CASE("a condition on the query looks at every value, decoded") {
  for (const auto& [query, holds] : std::vector<std::pair<std::string_view, bool>>{{"v=1", true},
                                                                                   {"v=2&x=9", true},
                                                                                   {"v=1&v=2", true},
                                                                                   {"%76=%31", true},
                                                                                   {"v=1&v=3", false},
                                                                                   {"", false},
                                                                                   {"V=1", false},
                                                                                   {"v", false},
                                                                                   {"v=1&%76=3", false},
                                                                                   {"v=1;v=3", false},
                                                                                   {"v=1&x=%", false},
                                                                                   {"v=1&x=%zz", false},
                                                                                   {"v=1&v%00=3", false}}) {
    CAPTURE(query);
    CHECK(hold("query: {v: [1, 2]}", query) == holds);
  }
  CHECK(hold("query: {q: a b}", "q=a+b"));
  CHECK(hold("query: {debug: {absent: true}}", "x=1"));
  CHECK(!hold("query: {debug: {absent: true}}", "x=1&d%65bug"));
  CHECK(!hold("query: {debug: {absent: true}}", "x=1;debug=1"));
  CHECK(hold("query: {mode: {not: raw}}", "mode=safe"));
  CHECK(!hold("query: {mode: {not: raw}}", "mode=safe&mode=raw"));
  CHECK(hold("query: {q: {present: true}}", "q"));
  CHECK(!hold("query: {q: {present: true}}", ""));
}

TEST_CASE("a condition on a header denies if any value is wrong, and takes aliases for the name") {
  CHECK(hold("headers: {X-Env: prod}", "", {{"x-env", "prod"}}));
  CHECK(!hold("headers: {X-Env: prod}", "", {{"X-Env", "prod"}, {"X_Env", "dev"}}));
  CHECK(!hold("headers: {X-Env: prod}", "", {}));
  CHECK(!hold("headers: {X-Env: prod}", "", {{"X-Env", "prod, dev"}}));
  CHECK(!hold("headers: {X-Env: {absent: true}}", "", {{"x_env", ""}}));
}

TEST_CASE("a condition on the client; one without an address is in no network and not outside of one") {
  constexpr std::array<std::uint8_t, 16> nowhere{};
  CHECK(hold("client: 10.0.0.0/8", ""));
  CHECK(hold("client: [192.0.2.0/24, 10.1.2.3]", ""));
  CHECK(!hold("client: 192.0.2.0/24", ""));
  CHECK(!hold("client: {not: 10.0.0.0/8}", ""));
  CHECK(hold("client: {not: [192.0.2.0/24]}", ""));
  CHECK(!hold("client: 0.0.0.0/0", "", {}, nowhere));
  CHECK(!hold("client: {not: 192.0.2.0/24}", "", {}, nowhere));
}

Decision decided(const std::string& rules, std::string_view path, const Holdings& holdings,
                 Credential credential = Credential::valid, std::string_view query = "") {
  static std::vector<std::unique_ptr<const Policy>> kept;  // the decision points into it
  kept.push_back(test::policy_of(rules));
  const Policy& policy = *kept.back();
  const Catalog catalog = catalog_of(policy.symbols());
  const HeldSubject held(holdings, catalog);
  const test::Path asked(path);
  Match match = policy.match("", asked.canonical, "GET");
  if (match.rule) match.failed = first_failed(match.rule->conditions, {query, {}, ten, false});
  return decide(match, policy.bind(catalog), credential, held.subject());
}

TEST_CASE("a failed condition denies whoever asks; shadowed it still wants a credential") {
  const std::string rule = "  - {path: /a, authenticated: true, query: {v: 1}";
  CHECK(decided(rule + "}\n", "/a", {}, Credential::absent).reason == Reason::condition_not_met);
  CHECK(decided(rule + "}\n", "/a", {}).verdict == Verdict::deny);
  CHECK(decided(rule + "}\n", "/a", {}, Credential::absent, "v=1").reason == Reason::no_credential);
  CHECK(decided(rule + "}\n", "/a", {}, Credential::valid, "v=1").reason == Reason::granted);
  CHECK(decided(rule + ", mode: shadow}\n", "/a", {}, Credential::absent).reason == Reason::no_credential);
  const Decision shadowed = decided(rule + ", mode: shadow}\n", "/a", {});
  CHECK((shadowed.shadowed && shadowed.verdict == Verdict::allow));
  CHECK(decided("  - {path: /a, allow: anonymous, query: {v: 1}}\n", "/a", {}, Credential::absent).verdict ==
        Verdict::deny);
}

TEST_CASE("an owner is the subject whose id stands in the path, however it is spelt there") {
  const std::string rule = "  - {path: '/users/{user}', owner: {user}}\n";
  Holdings alice;
  alice.id = "alice@shop";
  CHECK(decided(rule, "/users/alice%40shop", alice).verdict == Verdict::allow);
  CHECK(decided(rule, "/users/%61lice@shop", alice).verdict == Verdict::allow);
  CHECK(decided(rule, "/users/bob", alice).reason == Reason::not_owner);
  CHECK(decided(rule, "/users/alice@shopx", alice).reason == Reason::not_owner);
  CHECK(decided(rule, "/users/x", {}).verdict == Verdict::deny);
  CHECK(decided(rule, "/users/" + std::string(300, 'a'), alice).verdict == Verdict::deny);
  CHECK(decided(rule, "/users/alice@shop", alice, Credential::absent).reason == Reason::no_credential);
}

TEST_CASE("named requirements stand for what they say, and defaults for what a rule leaves out") {
  const test::Loaded loaded = test::load(R"(version: 1
requirements:
  self: {owner: {user}}
  staff: {all_of: [{group: staff}, {not: {group: suspended}}]}
  either: {any_of: [{requirement: self}, {requirement: staff}]}
defaults: {mode: shadow, client: 10.0.0.0/8, body_limit: 1KiB}
rules:
  - {path: '/users/{user}', requirement: either}
  - {path: '/staff/{x}/{user}', requirement: either, mode: enforce, client: 192.0.2.0/24}
  - {path: /open, allow: anonymous}
)");
  REQUIRE_MESSAGE(loaded.policy != nullptr, loaded.mistakes());
  const std::vector<Rule>& rules = loaded.policy->rules();
  CHECK(rules[0].requirement.kind == RequirementKind::any_of);
  CHECK(rules[0].requirement.children[0].symbol == 0);
  CHECK(rules[1].requirement.children[0].symbol == 1);
  CHECK(rules[0].requirement.place.line == 5);
  CHECK((rules[0].mode == Mode::shadow && rules[1].mode == Mode::enforce && rules[2].mode == Mode::enforce));
  CHECK(rules[0].conditions.size() == 1);
  CHECK(rules[1].conditions[0].networks[0].address[12] == 192);
  CHECK(rules[2].body_limit == 1024);
}

TEST_CASE("what is wrong with them is said with its place") {
  const auto told = [](const std::string& keys) {
    return test::load_rules("  - {path: '/a/{x}', authenticated: true, " + keys + "}\n").mistakes();
  };
  CHECK(told("owner: {y}") == "3:50: the path has no parameter \"y\"; did you mean \"x\"?\n");
  CHECK(told("owner: x") == "3:50: \"owner\" wants one parameter of the path; for example 'owner: {user}'\n");
  CHECK(told("requirement: no") == "3:56: there is no requirement \"no\"; name it under \"requirements\"\n");
  CHECK(told("client: 10.1.0.0/8") ==
        "3:51: \"10.1.0.0/8\" is not a network; did you mean \"10.0.0.0/8\"?\n");
  CHECK(told("headers: {Authorization: x}").find("never passes") != std::string::npos);
  CHECK(told("query: {v: {nt: x}}").find("a condition is") != std::string::npos);
  CHECK(told("sunset: 2026-02-30").find("wants a date") != std::string::npos);
  CHECK(told("deprecated: 2027-01-01, sunset: 2026-01-01").find("before the deprecation") !=
        std::string::npos);
  CHECK(told("body_limit: much").find("wants a size") != std::string::npos);
  CHECK(told("upstream_headers: {Host: x}") != "");
  CHECK(told("upstream_headers: {X-A: \"a\\tb\"}").find("printable ASCII") != std::string::npos);
  CHECK(told("upstream_headers: {X-A: b}, trailers: pass").find("in a trailer") != std::string::npos);
  CHECK(test::load("version: 1\nrequirements: {a: {requirement: b}, b: {requirement: a}}\n"
                   "rules: [{path: /, requirement: a}]\n")
            .mistakes()
            .find("refers to itself") != std::string::npos);
  CHECK(test::load("version: 1\ndefaults: {permission: a}\nrules: [{path: /, authenticated: true}]\n")
            .mistakes() == "2:12: \"permission\" belongs to a rule or to a term of one\n");
  CHECK(test::load_rules("  - {path: /, allow: preflight, methods: [GET]}\n").policy == nullptr);
}

TEST_CASE("marks become lines for answers, and a preflight a question of a browser only") {
  const auto policy = test::policy_of(
      "  - {path: /a, authenticated: true, deprecated: 2026-01-01, sunset: 2027-01-31}\n"
      "  - {path: /**, allow: preflight}\n");
  CHECK(policy->rules()[0].answer_lines ==
        "Deprecation: @1767225600\r\nSunset: Sun, 31 Jan 2027 00:00:00 GMT\r\n");
  const std::vector<HeaderField> asked = {{"Origin", "https://a"}, {"Access-Control-Request-Method", "PUT"}};
  const std::vector<Condition>& conditions = policy->rules()[1].conditions;
  CHECK(first_failed(conditions, {{}, asked, ten, false}) == nullptr);
  CHECK(first_failed(conditions, {{}, std::span(asked).first(1), ten, false}) != nullptr);
  CHECK(policy->rules()[1].methods == std::vector<std::string>{"OPTIONS"});
}

}  // namespace
}  // namespace postern::policy
