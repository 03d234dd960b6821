// Which rule governs: among all that match host, path and method, the most specific one.

#include "policy_text.hpp"

namespace postern::policy {
namespace {

using test::governing;
using test::policy_of;

TEST_CASE("a literal is more specific than a parameter, a parameter than the rest, an end than the rest") {
  const auto policy = policy_of(R"(
  - {id: all,      path: /**,             authenticated: true}
  - {id: orders,   path: /orders,         authenticated: true}
  - {id: below,    path: /orders/**,      authenticated: true}
  - {id: order,    path: "/orders/{id}",  authenticated: true}
  - {id: search,   path: /orders/search,  authenticated: true}
)");
  CHECK(governing(*policy, "GET", "/orders") == "orders");
  CHECK(governing(*policy, "GET", "/orders/search") == "search");
  CHECK(governing(*policy, "GET", "/orders/17") == "order");
  CHECK(governing(*policy, "GET", "/orders/17/lines") == "below");
  CHECK(governing(*policy, "GET", "/orders/search/x") == "below");
  CHECK(governing(*policy, "GET", "/orders/") == "below");
  CHECK(governing(*policy, "GET", "/other") == "all");
  CHECK(governing(*policy, "GET", "/") == "all");
}

TEST_CASE("the first segment that differs decides, not the number of literals") {
  const auto policy = policy_of(R"(
  - {id: early, path: "/a/{x}/{y}/{z}", authenticated: true}
  - {id: late,  path: "/{w}/b/c/d",     authenticated: true}
)");
  CHECK(governing(*policy, "GET", "/a/b/c/d") == "early");
  CHECK(governing(*policy, "GET", "/q/b/c/d") == "late");
}

TEST_CASE("a more specific template that does not match to its end gives way to one that does") {
  const auto policy = policy_of(R"(
  - {id: literal, path: /a/b/c,        authenticated: true}
  - {id: param,   path: "/a/{x}/d",    authenticated: true}
  - {id: rest,    path: "/{v}/**",     authenticated: true}
)");
  CHECK(governing(*policy, "GET", "/a/b/c") == "literal");
  CHECK(governing(*policy, "GET", "/a/b/d") == "param");
  CHECK(governing(*policy, "GET", "/a/b/e") == "rest");
}

TEST_CASE("'**' matches the path before it, the same with a slash, and everything below") {
  const auto policy = policy_of("  - {id: a, path: /a/**, authenticated: true}\n");
  CHECK(governing(*policy, "GET", "/a") == "a");
  CHECK(governing(*policy, "GET", "/a/") == "a");
  CHECK(governing(*policy, "GET", "/a/b/c/") == "a");
  CHECK(governing(*policy, "GET", "/ab") == "none");
  CHECK(governing(*policy, "GET", "/A") == "none");
  CHECK(governing(*policy, "GET", "/") == "none");
}

TEST_CASE("a parameter is never empty") {
  const auto policy = policy_of("  - {id: a, path: '/a/{x}', authenticated: true}\n");
  CHECK(governing(*policy, "GET", "/a/b") == "a");
  CHECK(governing(*policy, "GET", "/a/") == "none");
  CHECK(governing(*policy, "GET", "/a") == "none");
  CHECK(governing(*policy, "GET", "/a/b/") == "none");
}

TEST_CASE("a trailing slash is another path") {
  const auto policy = policy_of(R"(
  - {id: without, path: /a,  authenticated: true}
  - {id: with,    path: /a/, authenticated: true}
  - {id: root,    path: /,   authenticated: true}
)");
  CHECK(governing(*policy, "GET", "/a") == "without");
  CHECK(governing(*policy, "GET", "/a/") == "with");
  CHECK(governing(*policy, "GET", "/") == "root");
}

TEST_CASE("named methods are more specific than any method, and only among rules that have the method") {
  const auto policy = policy_of(R"(
  - {id: any,    path: /a,     authenticated: true}
  - {id: write,  path: /a,     methods: [PUT, DELETE], authenticated: true}
  - {id: below,  path: /b/**,  authenticated: true}
  - {id: post-b, path: /b/c,   methods: [POST], authenticated: true}
)");
  CHECK(governing(*policy, "PUT", "/a") == "write");
  CHECK(governing(*policy, "DELETE", "/a") == "write");
  CHECK(governing(*policy, "GET", "/a") == "any");
  CHECK(governing(*policy, "PURGE", "/a") == "any");
  CHECK(governing(*policy, "POST", "/b/c") == "post-b");
  CHECK(governing(*policy, "GET", "/b/c") == "below");
}

TEST_CASE("methods are compared by case") {
  const auto policy = policy_of("  - {id: a, path: /a, methods: [GET], authenticated: true}\n");
  CHECK(governing(*policy, "get", "/a") == "none");
  CHECK(governing(*policy, "GETT", "/a") == "none");
  CHECK(governing(*policy, "", "/a") == "none");
}

TEST_CASE("GET covers HEAD unless a rule with the same host and template names HEAD") {
  const auto policy = policy_of(R"(
  - {id: covers,    path: /a,       methods: [GET], authenticated: true}
  - {id: get,       path: "/b/{x}", methods: [GET], authenticated: true}
  - {id: head,      path: "/b/{y}", methods: [HEAD, PUT], authenticated: true}
  - {id: any,       path: /c,       authenticated: true}
  - {id: get-c,     path: /c,       methods: [GET], authenticated: true}
  - {id: get-d,     path: /d,       methods: [GET], authenticated: true}
  - {id: head-d,    path: /d,       methods: [HEAD], host: h.test, authenticated: true}
  - {id: only-head, path: /e,       methods: [HEAD], authenticated: true}
)");
  CHECK(governing(*policy, "HEAD", "/a") == "covers");
  CHECK(governing(*policy, "GET", "/b/1") == "get");
  CHECK(governing(*policy, "HEAD", "/b/1") == "head");
  CHECK(governing(*policy, "HEAD", "/c") == "get-c");
  CHECK(governing(*policy, "HEAD", "/d") == "get-d");
  CHECK(governing(*policy, "HEAD", "/d", "h.test") == "head-d");
  CHECK(governing(*policy, "GET", "/d", "h.test") == "get-d");
  CHECK(governing(*policy, "GET", "/e") == "none");
}

TEST_CASE(
    "an exact host is more specific than a longer suffix, a longer than a shorter, any suffix than none") {
  const auto policy = policy_of(R"(
  - {id: none,    path: /**, authenticated: true}
  - {id: short,   path: /**, host: "*.example.com", authenticated: true}
  - {id: long,    path: /**, host: "*.eu.example.com", authenticated: true}
  - {id: exact,   path: /**, host: api.eu.example.com, authenticated: true}
)");
  CHECK(governing(*policy, "GET", "/", "api.eu.example.com") == "exact");
  CHECK(governing(*policy, "GET", "/", "www.eu.example.com") == "long");
  CHECK(governing(*policy, "GET", "/", "a.b.eu.example.com") == "long");
  CHECK(governing(*policy, "GET", "/", "eu.example.com") == "short");
  CHECK(governing(*policy, "GET", "/", "example.com") == "none");
  CHECK(governing(*policy, "GET", "/", "badexample.com") == "none");
  CHECK(governing(*policy, "GET", "/", "") == "none");
}

TEST_CASE(
    "the host is more specific than any path, and the next host is tried when a path has no rule there") {
  const auto policy = policy_of(R"(
  - {id: exact-rest,  path: /a/**,   host: api.example.com, authenticated: true}
  - {id: suffix-post, path: /b,      host: "*.example.com", methods: [POST], authenticated: true}
  - {id: literal,     path: /a/b/c,  authenticated: true}
  - {id: b,           path: /b,      authenticated: true}
)");
  CHECK(governing(*policy, "GET", "/a/b/c", "api.example.com") == "exact-rest");
  CHECK(governing(*policy, "GET", "/a/b/c", "www.example.com") == "literal");
  CHECK(governing(*policy, "POST", "/b", "api.example.com") == "suffix-post");
  CHECK(governing(*policy, "GET", "/b", "api.example.com") == "b");
}

TEST_CASE("host patterns are taken in canonical form") {
  const auto policy = policy_of(R"(
  - {id: a, path: /, host: API.Example.com., authenticated: true}
  - {id: b, path: /, host: "*.Shop.TEST", authenticated: true}
  - {id: c, path: /, host: "[0:0::1]", authenticated: true}
)");
  CHECK(policy->has_host_rules());
  CHECK(governing(*policy, "GET", "/", "api.example.com") == "a");
  CHECK(governing(*policy, "GET", "/", "x.shop.test") == "b");
  CHECK(governing(*policy, "GET", "/", "[::1]") == "c");
  CHECK(governing(*policy, "GET", "/", "") == "none");
}

TEST_CASE("a policy without host rules says so") {
  CHECK_FALSE(policy_of("  - {path: /, authenticated: true}\n")->has_host_rules());
}

TEST_CASE("literals are compared in canonical form, and decoded") {
  const auto policy = policy_of(R"(
  - {id: all,    path: /**,            authenticated: true}
  - {id: user,   path: /%7euser,       authenticated: true}
  - {id: cafe,   path: /caf%c3%a9,     authenticated: true}
  - {id: at,     path: "/files/@admin", authenticated: true}
  - {id: star,   path: /files/%2A,     authenticated: true}
)");
  CHECK(governing(*policy, "GET", "/~user") == "user");
  CHECK(governing(*policy, "GET", "/%7Euser") == "user");
  CHECK(governing(*policy, "GET", "/caf%C3%A9") == "cafe");
  CHECK(governing(*policy, "GET", "/files/@admin") == "at");
  // An upstream that routes on the decoded path sees one segment, so no spelling may lead round the rule.
  CHECK(governing(*policy, "GET", "/files/%40admin") == "at");
  CHECK(governing(*policy, "GET", "/files/%40%61dmin") == "at");
  CHECK(governing(*policy, "GET", "/files/*") == "star");
  CHECK(governing(*policy, "GET", "/files/@Admin") == "all");
}

TEST_CASE("`OPTIONS *` is governed by a rule with path '*' and no other") {
  const auto policy = policy_of(R"(
  - {id: all,      path: /**, authenticated: true}
  - {id: asterisk, path: "*", allow: anonymous}
  - {id: on-host,  path: "*", host: h.test, methods: [OPTIONS], allow: anonymous}
)");
  const auto asterisk = [&](std::string_view method, std::string_view host) {
    const Match match = policy->match_asterisk(host, method);
    return match.rule == nullptr ? std::string("none") : match.rule->id;
  };
  CHECK(asterisk("OPTIONS", "") == "asterisk");
  CHECK(asterisk("OPTIONS", "h.test") == "on-host");
  CHECK(asterisk("OPTIONS", "other.test") == "asterisk");
  CHECK(asterisk("GET", "h.test") == "none");
  CHECK(governing(*policy, "OPTIONS", "/*") == "all");

  const auto without = policy_of("  - {path: /**, authenticated: true}\n");
  CHECK(without->match_asterisk("", "OPTIONS").rule == nullptr);
}

TEST_CASE("a match carries the values of the parameters, as sent") {
  const auto policy = policy_of("  - {path: '/a/{x}/b/{y}/**', authenticated: true}\n");
  const test::Path path("/a/1%20x/b/c%40/d");
  const Match match = policy->match("", path.canonical, "GET");
  REQUIRE(match.rule != nullptr);
  CHECK(match.params[0] == "1%20x");
  CHECK(match.params[1] == "c%40");
}

TEST_CASE("a match carries the values of its own parameters after a side path was left") {
  const auto policy = policy_of(R"(
  - {id: dead,  path: "/a/{p}/{q}/end",   authenticated: true}
  - {id: taken, path: "/{x}/b/{y}/other", authenticated: true}
)");
  const test::Path path("/a/b/c%40/other");
  const Match match = policy->match("", path.canonical, "GET");
  REQUIRE(match.rule != nullptr);
  CHECK(match.rule->id == "taken");
  CHECK(match.rule->params == std::vector<std::string>{"x", "y"});
  CHECK(match.params[0] == "a");
  CHECK(match.params[1] == "c%40");
}

TEST_CASE("a rule without an id is named by file and line") {
  const auto policy = policy_of("  - {path: /a, authenticated: true}\n  - {path: /b, authenticated: true}\n");
  CHECK(policy->rules()[0].id == "policy.yaml:3");
  CHECK(governing(*policy, "GET", "/b") == "policy.yaml:4");

  const auto one_line =
      test::load("version: 1\nrules: [{path: /a, deny: true}, {path: /b, deny: true}]\n").policy;
  REQUIRE(one_line != nullptr);
  CHECK(one_line->rules()[0].id == "policy.yaml:2");
  CHECK(one_line->rules()[1].id == "policy.yaml:2:33");
}

TEST_CASE("the development policy lets every valid token pass, and asks for one") {
  const auto policy = Policy::any_authenticated();
  const test::Path path("/any/path");
  const Match match = policy->match("h", path.canonical, "POST");
  REQUIRE(match.rule != nullptr);
  CHECK(match.rule->requirement.kind == RequirementKind::authenticated);
}

TEST_CASE("an empty policy matches nothing") {
  const Policy policy;
  const test::Path path("/");
  CHECK(policy.match("", path.canonical, "GET").rule == nullptr);
  CHECK(policy.match_asterisk("", "OPTIONS").rule == nullptr);
  CHECK(policy.rules().empty());
}

}  // namespace
}  // namespace postern::policy
