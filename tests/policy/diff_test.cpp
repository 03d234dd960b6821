// What diff() says against deciding both policies.

#include "policy/diff.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "policy/decide.hpp"
#include "policy/held_subject.hpp"
#include "policy_text.hpp"

namespace postern::policy {
namespace {

std::string random_demand(std::mt19937& dice, bool owner, int depth = 0) {
  static const std::vector<std::string> terms = {"permission: p.a",
                                                 "permission: p.b",
                                                 "role: r.a",
                                                 "group: g.a",
                                                 "client_certificate: 'CN=a'",
                                                 "client_certificate: true",
                                                 "authenticated: true"};
  const auto pick = static_cast<unsigned>(dice() % 10);
  if (depth < 2 && pick == 0) return "not: {" + random_demand(dice, owner, depth + 1) + "}";
  if (depth < 2 && pick <= 3)
    return std::string(pick == 1 ? "all_of" : "any_of") + ": [{" + random_demand(dice, owner, depth + 1) +
           "}, {" + random_demand(dice, owner, depth + 1) + "}]";
  if (owner && pick == 4) return "owner: '{x}'";
  return terms[dice() % terms.size()];
}

std::string random_rules(std::mt19937& dice) {
  std::string text;
  std::set<std::string> shapes;
  const auto count = static_cast<unsigned>(2 + dice() % 8);
  for (unsigned i = 0; i < count; ++i) {
    std::string path;
    bool param = false;
    for (std::size_t depth = dice() % 3; depth-- > 0;) {
      const auto word = static_cast<unsigned>(dice() % 3);
      if (word == 0 && !param) {
        path += "/{x}";
        param = true;
      } else {
        path += word == 1 ? "/a" : "/b";
      }
    }
    if (dice() % 3 == 0)
      path += "/**";
    else if (path.empty() || dice() % 6 == 0)
      path += "/";
    const auto kind = static_cast<unsigned>(dice() % 6);
    const std::string host = kind == 0 ? ", host: a.test" : kind == 1 ? ", host: '*.test'" : "";
    const std::string method = dice() % 2 == 0   ? ", methods: [GET]"
                               : dice() % 4 == 0 ? ", methods: [HEAD, PUT]"
                                                 : "";
    const auto demand = static_cast<unsigned>(dice() % 8);
    std::string says = demand == 0   ? "allow: anonymous"
                       : demand == 1 ? "deny: true"
                                     : random_demand(dice, param);
    if (demand > 1 && dice() % 6 == 0) says += ", mode: shadow";
    if (demand > 1 && param && says.find("permission") != std::string::npos && dice() % 2 == 0)
      says += ", resource: 'thing/{x}'";
    if (!shapes.insert(path + host + method).second) continue;
    text += "  - {id: r" + std::to_string(i) + ", path: '" + path + "'" + host + method + ", " + says + "}\n";
  }
  return text;
}

/// A few rules of it otherwise: dropped, or with another demand.
std::string changed(std::mt19937& dice, const std::string& rules) {
  std::string text;
  for (std::size_t at = 0; at < rules.size();) {
    const std::size_t end = rules.find('\n', at) + 1;
    std::string line = rules.substr(at, end - at);
    at = end;
    const auto what = static_cast<unsigned>(dice() % 6);
    if (what == 0) continue;
    if (what == 1 && line.find("permission: p.a") != std::string::npos)
      line.replace(line.find("p.a"), 3, "p.b");
    text += line;
  }
  return text.empty() ? rules : text;
}

/// Who asks, with what, decided by both.
class Both {
 public:
  Both(const Policy& before, const Policy& after)
      : before_(before),
        after_(after),
        catalog_(catalog(before, after)),
        old_(before.bind(catalog_)),
        new_(after.bind(catalog_)) {}

  struct Answer {
    const Rule *before = nullptr, *after = nullptr;
    bool passed = false, passes = false;
  };
  [[nodiscard]] Answer ask(const std::string& method, const std::string& host, const std::string& path,
                           const Holdings* holdings) const {
    const test::Path canonical(path);
    const Match old = before_.match(host, canonical.canonical, method);
    const Match now = after_.match(host, canonical.canonical, method);
    const Credential credential = holdings == nullptr ? Credential::absent : Credential::valid;
    const HeldSubject held(holdings == nullptr ? Holdings{} : *holdings, catalog_);
    return {old.rule, now.rule, decide(old, old_, credential, held.subject()).verdict == Verdict::allow,
            decide(now, new_, credential, held.subject()).verdict == Verdict::allow};
  }

 private:
  static Catalog catalog(const Policy& before, const Policy& after) {
    std::vector<Symbol> symbols = before.symbols();
    symbols.insert(symbols.end(), after.symbols().begin(), after.symbols().end());
    return catalog_of(symbols);
  }

  const Policy &before_, &after_;
  Catalog catalog_;
  Binding old_, new_;
};

/// A subject that holds exactly this, for a request of this path.
Holdings holdings_of(const std::vector<Term>& terms, const std::string& path) {
  const test::Path canonical(path);
  const auto with_segments = [&](std::string text) {
    for (std::size_t i = 0; i < canonical.canonical.segment_count; ++i) {
      const std::string name = '{' + std::to_string(i) + '}';
      if (const std::size_t at = text.find(name); at != std::string::npos)
        text.replace(at, name.size(), canonical.canonical.segment(i));
    }
    return text;
  };
  Holdings holdings;
  holdings.id = "somebody";
  bool any_certificate = false;
  for (const Term& term : terms) {
    switch (term.kind) {
      case RequirementKind::permission:
        if (term.resource.empty())
          holdings.permissions.push_back(term.id);
        else
          holdings.grants.push_back({term.id, with_segments(term.resource)});
        break;
      case RequirementKind::role:
        holdings.roles.push_back(term.id);
        break;
      case RequirementKind::group:
        holdings.groups.push_back(term.id);
        break;
      case RequirementKind::client_certificate:
        any_certificate = true;
        if (!term.id.empty()) holdings.certificate = term.id;
        break;
      case RequirementKind::owner:
        holdings.id = term.id.front() == '=' ? term.id.substr(1) : with_segments(term.id);
        break;
      default:
        FAIL("a term that the rules do not have");
    }
  }
  if (any_certificate && holdings.certificate.empty()) holdings.certificate = "CN=another";
  return holdings;
}

Holdings random_holdings(std::mt19937& dice) {
  Holdings holdings;
  holdings.id = dice() % 2 == 0 ? "a" : "zz";
  if (dice() % 2 == 0) holdings.permissions.push_back(dice() % 2 == 0 ? "p.a" : "p.b");
  if (dice() % 3 == 0) holdings.roles.emplace_back("r.a");
  if (dice() % 3 == 0) holdings.groups.emplace_back("g.a");
  if (dice() % 3 == 0) holdings.certificate = dice() % 2 == 0 ? "CN=a" : "CN=b";
  if (dice() % 2 == 0) holdings.grants.push_back({"p.a", dice() % 2 == 0 ? "thing/a" : "thing/zz"});
  return holdings;
}

TEST_CASE("diff agrees with deciding both policies: no difference is missed, and each has a witness") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  const std::vector<std::string> hosts = {"a.test", "x.test", "elsewhere"};
  const std::vector<std::string> methods = {"GET", "HEAD", "PUT", "PURGE"};
  const std::vector<std::string> words = {"/a", "/b", "/zz", "/"};
  std::size_t met = 0, witnesses = 0;
  for (int round = 0; round < 150; ++round) {
    const std::string old_rules = random_rules(dice);
    const std::string new_rules = dice() % 4 == 0 ? random_rules(dice) : changed(dice, old_rules);
    CAPTURE(old_rules);
    CAPTURE(new_rules);
    const auto before = test::policy_of(old_rules), after = test::policy_of(new_rules);
    const PolicyDiff found = diff(*before, *after);
    REQUIRE(found.complete);
    const Both both(*before, *after);
    std::map<std::pair<const Rule*, const Rule*>, std::set<Difference::Kind>> kinds;
    for (const Difference& one : found.differences) {
      CHECK(kinds[std::pair(one.before, one.after)].insert(one.kind).second);
      CHECK(!one.sets.empty());
      const bool owners = demand_text(one.before).find("owner") != std::string::npos &&
                          demand_text(one.after).find("owner") != std::string::npos;
      if (!owners) CHECK(one.witnesses.empty() == (one.kind == Difference::Kind::options));
      for (const Difference::Witness& witness : one.witnesses) {
        const Holdings holdings = holdings_of(witness.holds, witness.path);
        const auto answer =
            both.ask(witness.method, witness.host, witness.path, witness.anonymous ? nullptr : &holdings);
        CHECK(answer.before == one.before);
        CHECK(answer.after == one.after);
        CHECK(answer.passed == witness.before);
        CHECK(answer.passes == witness.after);
        CHECK(answer.passed != answer.passes);
        ++witnesses;
      }
    }
    for (int request = 0; request < 300; ++request) {
      std::string path;
      for (std::size_t depth = dice() % 4; depth-- > 0 && !path.ends_with('/');)
        path += words[dice() % words.size()];
      if (path.empty()) path = "/";
      const Holdings holdings = random_holdings(dice);
      const auto answer = both.ask(methods[dice() % methods.size()], hosts[dice() % hosts.size()], path,
                                   dice() % 4 == 0 ? nullptr : &holdings);
      if (answer.passed == answer.passes) continue;
      ++met;
      const auto told = kinds.find({answer.before, answer.after});
      REQUIRE(told != kinds.end());
      using Kind = Difference::Kind;
      const std::set<Kind> fitting =
          answer.passes ? std::set{Kind::newly_public, Kind::newly_open, Kind::looser, Kind::changed}
                        : std::set{Kind::stricter, Kind::newly_closed, Kind::changed};
      CHECK(std::any_of(told->second.begin(), told->second.end(),
                        [&](Kind kind) { return fitting.contains(kind); }));
    }
  }
  CHECK(met > 0);
  CHECK(witnesses > 0);
}

/// "kind: paths (before -> after)", a difference a line.
std::string told(const std::string& old_rules, const std::string& new_rules) {
  const auto before = test::policy_of(old_rules), after = test::policy_of(new_rules);
  std::string text;
  for (const Difference& one : diff(*before, *after).differences) {
    text += std::string(to_string(one.kind)) + ':';
    for (const Difference::Set& set : one.sets) {
      text += ' ' + set.paths + " [";
      for (const std::string& method : set.methods) text += (text.back() == '[' ? "" : " ") + method;
      text += ']';
      for (const std::string& host : set.hosts) text += '@' + host;
    }
    text += " (" + demand_text(one.before) + " -> " + demand_text(one.after) + ')';
    for (const std::string& option : one.options) text += ' ' + option;
    text += '\n';
  }
  return text;
}

TEST_CASE("each kind of difference is told with its requests") {
  const std::string a = "  - {id: a, path: '/a/{x}', methods: [PUT], ";
  CHECK(told(a + "permission: p}\n", a + "any_of: [{permission: p}]}\n") == "");
  CHECK(told(a + "role: r}\n", a + "allow: anonymous}\n") ==
        "newly_public: /a/{other} [PUT] (role r -> everybody)\n");
  CHECK(told(a + "deny: true}\n", a + "role: r}\n") == "newly_open: /a/{other} [PUT] (nobody -> role r)\n");
  CHECK(told(a + "role: r}\n", "  - {id: b, path: /b, deny: true}\n") ==
        "newly_closed: /a/{other} [PUT] (role r -> nobody)\n");
  CHECK(told(a + "role: r}\n", a + "all_of: [{role: r}, {not: {group: g}}]}\n") ==
        "stricter: /a/{other} [PUT] (role r -> role r and not group g)\n");
  CHECK(told(a + "permission: p}\n", a + "permission: p, resource: 'a/{x}'}\n") ==
        "looser: /a/{other} [PUT] (permission p -> permission p, on a/{x})\n");
  CHECK(told(a + "role: r}\n", a + "role: s}\n") == "changed: /a/{other} [PUT] (role r -> role s)\n");
  CHECK(told(a + "role: r}\n", a + "role: r, mode: shadow}\n") ==
        "looser: /a/{other} [PUT] (role r -> any valid token (in shadow mode: role r)) mode\n");
  CHECK(told(a + "role: r}\n", a + "role: r, body_limit: 1MB, trailers: pass}\n") ==
        "options: /a/{other} [PUT] (role r -> role r) trailers body_limit\n");
  CHECK(told(a + "role: r}\n", a + "role: r, query: {v: 1}}\n") ==
        "stricter: /a/{other} [PUT] (role r -> role r, if query v)\n");
  CHECK(told(a + "role: r, query: {v: 1}}\n", a + "role: r, query: {v: 2}}\n") ==
        "changed: /a/{other} [PUT] (role r, if query v -> role r, if query v)\n");
}

TEST_CASE("a difference is told for exactly the requests that have it") {
  CHECK(told("  - {path: /a/**, role: r}\n",
             "  - {path: /a/**, role: r}\n  - {path: /a/b, methods: [GET], role: s}\n") ==
        "changed: /a/b [GET HEAD] (role r -> role s)\n");
  CHECK(told("  - {path: /**, role: r}\n",
             "  - {path: /**, role: r}\n  - {path: /x/**, host: '*.b.test', deny: true}\n") ==
        "newly_closed: /x [GET HEAD other]@*.b.test /x/ [GET HEAD other]@*.b.test /x/{other}/** [GET HEAD "
        "other]@*.b.test"
        " (role r -> nobody)\n");
  CHECK(told("  - {path: '*', allow: anonymous}\n", "  - {path: /a, role: r}\n") ==
        "newly_open: /a [GET HEAD OPTIONS other] (nobody -> role r)\nnewly_closed: * [OPTIONS] (everybody -> "
        "nobody)\n");
  // The names of parameters do not matter, their places do.
  CHECK(told("  - {path: '/{a}/{b}', owner: '{b}'}\n", "  - {path: '/{b}/{c}', owner: '{c}'}\n") == "");
  CHECK(told("  - {path: '/{a}/{b}', owner: '{b}'}\n", "  - {path: '/{b}/{a}', owner: '{b}'}\n")
            .starts_with("changed: "));
}

TEST_CASE("too many different terms are undecided, unless they are the same") {
  std::string many;
  for (int i = 0; i < 30; ++i) many += (i == 0 ? "" : ", ") + ("{role: r" + std::to_string(i) + "}");
  const std::string rule = "  - {path: /a, any_of: [" + many + "]}\n";
  CHECK(told(rule, rule) == "");
  CHECK(told(rule, "  - {path: /a, any_of: [" + many + ", {role: x}]}\n").starts_with("undecided: /a "));
  CHECK(told(rule, "  - {path: /b, role: x}\n").starts_with("undecided") == false);
}

}  // namespace
}  // namespace postern::policy
