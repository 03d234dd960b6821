// What prove() says against trying every request over a small alphabet.

#include "policy/prove.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <set>

#include "policy_text.hpp"

namespace postern::policy {
namespace {

using Ids = std::set<std::string>;

std::string random_path(std::mt19937& dice, bool rest) {
  std::string path;
  const unsigned depth = dice() % 4;
  for (unsigned i = 0; i < depth; ++i) {
    const unsigned word = dice() % 4;
    path += word == 0 ? "/{p" + std::to_string(i) + "}" : word == 1 ? "/a" : word == 2 ? "/b" : "/%40";
  }
  if (rest && dice() % 3 == 0) return path + "/**";
  return path.empty() || dice() % 6 == 0 ? path + "/" : path;
}

std::string random_rules(std::mt19937& dice) {
  std::string text;
  Ids shapes;
  const auto count = static_cast<unsigned>(1 + dice() % 12);
  for (unsigned i = 0; i < count; ++i) {
    const std::string path = random_path(dice, true);
    const auto kind = static_cast<unsigned>(dice() % 5);
    const std::string host = kind == 0 ? ", host: a.test" : kind == 1 ? ", host: '*.test'" : "";
    const std::string method = dice() % 2 == 0 ? ", methods: [GET]" : "";
    std::string shape = path;
    for (char& c : shape)
      if (c >= '0' && c <= '3') c = '_';
    if (!shapes.insert(shape + host + method).second) continue;
    text += "  - {id: r" + std::to_string(i) + ", path: '" + path + "'" + host + method +
            ", authenticated: true}\n";
  }
  return text;
}

std::vector<Operation> operations_of(const std::string& paths, std::string_view base = "") {
  Diagnostics diagnostics;
  const yaml::Document document = yaml::parse("api.yaml", "openapi: 3.0.0\npaths:\n" + paths, diagnostics);
  std::vector<Operation> operations = read_operations(document, base, diagnostics);
  REQUIRE(diagnostics.empty());
  return operations;
}

/// Every path of up to five segments over the words that rules know and one that they do not.
void each_path(std::size_t depth, const std::string& path, std::vector<std::string>& out) {
  if (!path.empty()) out.push_back(path);
  out.push_back(path + "/");
  if (depth == 0) return;
  for (const char* word : {"/a", "/b", "/%40", "/zz"}) each_path(depth - 1, path + word, out);
}

bool matches(const std::vector<TemplateSegment>& segments, const CanonicalPath& path) {
  if (segments.size() != path.segment_count) return false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool param = segments[i].kind == TemplateSegment::Kind::param;
    if (param ? path.segment(i).empty() : segments[i].text != path.segment(i)) return false;
  }
  return true;
}

TEST_CASE("prove agrees with trying every request") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  std::vector<std::string> paths;
  each_path(4, "", paths);
  const std::vector<std::string> hosts = {"a.test", "x.test", "elsewhere"};
  int shadowed = 0;
  // Rules that never govern are rare among random ones, and have to be met.
  for (int round = 0; round < 60 || (shadowed == 0 && round < 3000); ++round) {
    const std::string rules = random_rules(dice);
    CAPTURE(rules);
    const auto policy = test::policy_of(rules);
    const std::string template_text = random_path(dice, false);
    const auto operations = operations_of("  '" + template_text + "': {get: {}}\n");
    REQUIRE(operations.size() == 1);
    const Proof proof = prove(*policy, operations, nullptr, {});

    Ids tried, governing;
    for (const std::string& host : hosts) {
      for (const std::string& text : paths) {
        const test::Path path(text);
        const auto id = [&](std::string_view method) {
          const Rule* rule = policy->match(host, path.canonical, method).rule;
          return rule == nullptr ? std::string("none") : rule->id;
        };
        if (matches(operations[0].segments, path.canonical)) tried.insert(id("GET"));
        governing.insert(id("GET"));
        governing.insert(id("POST"));
      }
    }
    Ids proved;
    for (const Coverage::Part& part : proof.coverage[0].parts)
      proved.insert(part.rule == nullptr ? "none" : part.rule->id);
    CHECK(proved == tried);
    Ids never;
    for (const Finding& finding : proof.findings)
      if (finding.kind == Finding::Kind::shadowed_rule) never.insert(finding.rule->id);
    for (const Rule& rule : policy->rules()) CHECK(never.contains(rule.id) == !governing.contains(rule.id));
    shadowed += static_cast<int>(never.size());
  }
  CHECK(shadowed > 0);
}

std::string told(const std::string& rules, const std::string& paths, std::string_view base = "") {
  const auto policy = test::policy_of(rules);
  const auto operations = operations_of(paths, base);
  std::string text;
  for (const Finding& finding : prove(*policy, operations, nullptr, {}).findings)
    text += std::string(to_string(finding.kind)) + ": " + finding.sentence + "\n";
  return text;
}

TEST_CASE("each thing that can be wrong is told") {
  const std::string secured = "security: [{bearer: []}]";
  CHECK(told("  - {id: all, path: /**, authenticated: true}\n", "  /a: {get: {" + secured + "}}\n") == "");
  CHECK(told("  - {id: a, path: /a, authenticated: true}\n",
             "  /a: {get: {" + secured + "}}\n  /b/{x}: {put: {" + secured + "}}\n") ==
        "uncovered_operation: no rule governs PUT /b/{x}\n");
  CHECK(told("  - {id: a, path: /a/b, authenticated: true}\n", "  '/a/{x}': {get: {" + secured + "}}\n") ==
        "uncovered_operation: no rule governs some requests of GET /a/{x}, for example /a/other\n");
  CHECK(told("  - {id: a, path: /a, allow: anonymous}\n", "  /a: {get: {" + secured + "}}\n") ==
        "open_operation: GET /a is declared secured, but rule a lets everybody in (/a)\n");
  CHECK(told("  - {id: a, path: /a, authenticated: true}\n", "  /a: {get: {security: [{}]}}\n") ==
        "guarded_operation: GET /a is declared open, but rule a demands a token (/a)\n");
  CHECK(told("  - {id: a, path: /v1/a, allow: anonymous}\n  - {id: b, path: /b, allow: anonymous}\n",
             "  /a: {get: {}}\n", "/v1") == "unused_rule: rule b governs no operation of the document\n");
  CHECK(told("  - {id: rest, path: /**, deny: true}\n  - {id: root, path: /, allow: anonymous}\n"
             "  - {id: deep, path: '/{x}/**', allow: anonymous}\n",
             "  /a: {get: {}}\n  /: {get: {}}\n") ==
        "shadowed_rule: rule rest never governs: more specific rules take every request of it\n");
  CHECK(told("  - {id: a, path: /a, all_of: [{role: r}, {not: {role: r}}]}\n",
             "  /a: {get: {" + secured + "}}\n") ==
        "unmeetable_requirement: nobody can meet what rule a demands\n");
  CHECK(told("  - {id: a, path: '/{x}', allow: anonymous}\n", "  '/{id}.json': {get: {}}\n")
            .starts_with("partial_parameter"));
}

TEST_CASE("a request that a more specific operation takes is that one's") {
  CHECK(told("  - {id: one, path: '/a/{x}', allow: anonymous}\n  - {id: mine, path: /a/me, authenticated: "
             "true}\n",
             "  '/a/{id}': {get: {security: []}}\n  /a/me: {get: {security: [{b: []}]}}\n") == "");
  // Without an operation of its own it is the other's.
  CHECK(told("  - {id: one, path: '/a/{x}', allow: anonymous}\n  - {id: mine, path: /a/me, authenticated: "
             "true}\n",
             "  '/a/{id}': {get: {security: []}}\n  /a/me: {put: {security: [{b: []}]}}\n")
            .starts_with(
                "guarded_operation: GET /a/{id} is declared open, but rule mine demands a token (/a/me)\n"));
}

TEST_CASE("whether a requirement can be met is decided over all ways, with 24 terms too") {
  const auto of = [](const std::string& demand) {
    return meetable(test::policy_of("  - {path: /, " + demand + "}\n")->rules()[0]);
  };
  CHECK(of("any_of: [{role: a}, {not: {role: a}}]") == Meetable::yes);
  CHECK(of("not: {authenticated: true}") == Meetable::no);
  CHECK(of("all_of: [{client_certificate: 'CN=a'}, {client_certificate: 'CN=b'}]") == Meetable::no);
  CHECK(of("all_of: [{client_certificate: 'CN=a'}, {not: {client_certificate: true}}]") == Meetable::no);
  CHECK(of("all_of: [{any_of: [{role: a}, {role: b}]}, {not: {role: a}}, {not: {role: b}}]") == Meetable::no);
  std::string all, none;
  for (int i = 0; i < 24; ++i) all += "{role: r" + std::to_string(i) + "}, ";
  CHECK(of("all_of: [" + all + "{not: {role: r23}}]") == Meetable::no);
  CHECK(of("all_of: [" + all + "{not: {role: r24}}]") == Meetable::undecided);
}

TEST_CASE("a thousand operations and a thousand rules are proved") {
  std::string rules, paths;
  for (int i = 0; i < 1000; ++i) {
    const std::string n = std::to_string(i);
    rules += "  - {path: '/api/v" + std::to_string(i % 5) + "/t" + n + "/{id}', permission: t" + n + "}\n";
    paths += "  '/api/v" + std::to_string(i % 5) + "/t" + n + "/{id}': {get: {security: [{b: []}]}}\n";
  }
  const auto policy = test::policy_of(rules);
  const auto operations = operations_of(paths);
  const auto began = std::chrono::steady_clock::now();
  const Proof proof = prove(*policy, operations, nullptr, {});
  const auto took = std::chrono::steady_clock::now() - began;
  CHECK(proof.findings.empty());
  MESSAGE("prove took ", std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), " ms");
}

TEST_CASE("a hundred thousand rules are compiled") {
  std::string text = "version: 1\nrules:\n";
  for (int i = 0; i < 100'000; ++i) {
    const std::string n = std::to_string(i);
    text += "  - {path: '/api/v" + std::to_string(i % 5) + "/t" + n + "/{id}', permission: t" + n + "}\n";
  }
  Diagnostics diagnostics;
  const auto began = std::chrono::steady_clock::now();
  const yaml::Document document = yaml::parse("policy.yaml", std::move(text), diagnostics);
  const auto parsed = std::chrono::steady_clock::now();
  const auto policy = Policy::compile(document, nullptr, diagnostics);
  const auto compiled = std::chrono::steady_clock::now();
  REQUIRE(policy != nullptr);
  CHECK(policy->rules().size() == 100'000);
  const auto milliseconds = [](auto took) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  };
  MESSAGE("reading took ", milliseconds(parsed - began), " ms, compiling ", milliseconds(compiled - parsed),
          " ms");
}

}  // namespace
}  // namespace postern::policy
