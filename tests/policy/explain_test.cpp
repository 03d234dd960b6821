// What explain() says is what decide() decides, on random requirements and subjects.

#include "policy/explain.hpp"

#include <random>

#include "policy/held_subject.hpp"
#include "policy_text.hpp"

namespace postern::policy {
namespace {

std::string term(std::mt19937& dice, int depth) {
  const auto below = [&dice](unsigned n) { return static_cast<unsigned>(dice() % n); };
  static const char* const leaves[] = {"permission: a", "permission: b", "role: r",
                                       "group: g",      "license: l",    "authenticated: true"};
  if (depth == 0 || below(3) == 0) return std::string("{") + leaves[below(6)] + "}";
  if (below(4) == 0) return "{not: " + term(dice, depth - 1) + "}";
  return std::string(below(2) == 0 ? "{any_of: [" : "{all_of: [") + term(dice, depth - 1) + ", " +
         term(dice, depth - 1) + "]}";
}

TEST_CASE("explain agrees with decide, and the parts with the whole") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  int allowed = 0;
  for (int round = 0; round < 500; ++round) {
    const auto policy = test::policy_of("  - {path: '/a/{x}', resource: 't/{x}', all_of: [{permission: a}, " +
                                        term(dice, 3) + "]}\n");
    Catalog catalog = catalog_of(policy->symbols());
    Catalog::Entity role;
    role.id = "s";
    if (catalog.handle(EntityKind::permission, "b") != no_handle)
      role.permissions.insert(catalog.handle(EntityKind::permission, "b"));
    add_entity(catalog, EntityKind::role, role);
    const Binding binding = policy->bind(catalog);
    Holdings holdings;
    if (dice() % 2 == 0) holdings.permissions = {"a"};
    if (dice() % 2 == 0) holdings.grants = {{"a", "t/1"}};
    if (dice() % 2 == 0) holdings.roles = {"s"};
    if (dice() % 2 == 0) holdings.roles.emplace_back("r");
    if (dice() % 2 == 0) holdings.groups = {"g"};
    const HeldSubject held(holdings, catalog);
    const test::Path path("/a/1");
    const auto credential = static_cast<Credential>(dice() % 3);
    const Explanation told =
        explain(*policy, {"", path.canonical, "GET"}, false, binding, credential, held.subject());
    const Decision decision =
        decide(policy->match("", path.canonical, "GET"), binding, credential, held.subject());
    CHECK(told.decision.verdict == decision.verdict);
    CHECK(told.decision.reason == decision.reason);
    REQUIRE(!told.parts.empty());
    if (credential == Credential::valid)
      CHECK((told.parts.front().answer == Answer::met) == (decision.verdict == Verdict::allow));
    allowed += decision.verdict == Verdict::allow ? 1 : 0;
  }
  CHECK(allowed > 5);
}

TEST_CASE("a rule is a near miss when one thing only keeps it away") {
  const auto policy = test::policy_of(R"(
  - {id: orders, path: '/orders/{id}', methods: [GET], authenticated: true}
  - {id: all, path: /orders/**, authenticated: true}
  - {id: host, path: '/orders/{id}', host: a.test, methods: [PUT], authenticated: true}
  - {id: far, path: /invoices/x/y, authenticated: true}
)");
  const test::Path path("/orders/1");
  const auto sentences = [&](std::string_view method, std::string_view host) {
    std::string text;
    const Match match = policy->match(host, path.canonical, method);
    for (const NearMiss& miss : near_misses(policy->rules(), match.rule, {host, path.canonical, method}))
      text += miss.rule->id + ": " + miss.sentence + "\n";
    return text;
  };
  CHECK(sentences("GET", "") == "all: matches too, but is less specific\n");
  CHECK(sentences("PUT", "b.test") ==
        "orders: the method PUT is not among GET\nhost: the host b.test is not a.test\n");
}

}  // namespace
}  // namespace postern::policy
