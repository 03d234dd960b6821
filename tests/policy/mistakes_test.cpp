// What an operator may write wrongly, each with its place and what we say to it.

#include "policy_text.hpp"

namespace postern::policy {
namespace {

using test::load;
using test::load_rules;
using test::Loaded;

/// A rule line (line 3 of its file) and the mistakes it gives, complete.
struct Row {
  std::string rule;
  std::string mistakes;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    const Loaded loaded = load_rules("  - " + row.rule + "\n");
    CHECK(loaded.policy == nullptr);
    CHECK(loaded.mistakes() == row.mistakes);
  }
}

Catalog shop() {
  Catalog catalog;
  const auto insert = [&catalog](EntityKind kind, Handle handle, std::string id, LicenseKind license) {
    Catalog::Entity entity;
    entity.id = std::move(id);
    entity.license_kind = license;
    catalog.insert(kind, handle, std::move(entity));
  };
  insert(EntityKind::permission, 1, "shop.orders.read", {});
  insert(EntityKind::permission, 2, "shop.orders.write", {});
  insert(EntityKind::role, 1, "shop.clerk", {});
  insert(EntityKind::group, 1, "staff", {});
  insert(EntityKind::license, 1, "shop.pro", LicenseKind::subject);
  insert(EntityKind::license, 2, "site.export", LicenseKind::application);
  return catalog;
}

TEST_CASE("a typo, a duplicate rule and an unknown permission give three mistakes with line and column") {
  const Catalog catalog = shop();
  const Loaded loaded = load(R"(version: 1
rules:
  - path: /orders
    permision: shop.orders.read
  - path: /orders/{order}
    methods: [GET, PUT]
    permission: shop.orders.read
  - path: /orders/{id}
    methods: [DELETE, PUT]
    permission: shop.orders.raed
)",
                             &catalog);
  CHECK(loaded.policy == nullptr);
  CHECK(loaded.diagnostics.size() == 3);
  CHECK(yaml::render(loaded.diagnostics, {&loaded.document}) ==
        R"(policy.yaml:4:5: unknown key "permision"; did you mean "permission"?
    permision: shop.orders.read
    ^
policy.yaml:8:5: PUT /orders/{id} is already governed by the rule at policy.yaml:5 (/orders/{order}); neither is more specific
  - path: /orders/{id}
    ^
policy.yaml:10:17: unknown permission "shop.orders.raed"; did you mean "shop.orders.read"?
    permission: shop.orders.raed
                ^
)");
}

TEST_CASE("the top of the file") {
  const auto mistakes = [](const std::string& text) { return load(text).mistakes(); };
  CHECK(mistakes("") == "1:1: a policy is a mapping with \"version\" and \"rules\"\n");
  CHECK(mistakes("- a\n") == "1:1: a policy is a mapping with \"version\" and \"rules\"\n");
  CHECK(mistakes("rules: [{path: /, authenticated: true}]\n") ==
        "1:1: \"version\" is missing; write 'version: 1'\n");
  CHECK(mistakes("version: 2\nrules: [{path: /, authenticated: true}]\n") ==
        "1:10: this postern reads version 1 of the policy language; write 'version: 1'\n");
  CHECK(mistakes("version: 1\n") == "1:1: \"rules\" is missing\n");
  CHECK(mistakes("version: 1\nrules: []\n") ==
        "2:8: \"rules\" wants a list of at least one rule; without any, everything would be denied\n");
  CHECK(mistakes("version: 1\nrulez: []\n") == "2:1: unknown key \"rulez\"; did you mean \"rules\"?\n");
  CHECK(mistakes("version: 1\npath: /\nrules: [{path: /, authenticated: true}]\n") ==
        "2:1: \"path\" belongs to a rule\n");
  CHECK(mistakes("version: 1\nrules: [a]\n") ==
        "2:9: a rule is a mapping with \"path\" and what it demands\n");
}

TEST_CASE("what the parser refused is said once, and gives no policy") {
  const Loaded broken = load("version: 1\nrules: [\n");
  CHECK(broken.policy == nullptr);
  CHECK(broken.diagnostics.size() == 1);
  const Loaded repeated = load("version: 1\nversion: 1\nrules: [{path: /, authenticated: true}]\n");
  CHECK(repeated.policy == nullptr);
  CHECK(repeated.diagnostics.size() == 1);
}

TEST_CASE("keys of a rule") {
  check({
      {"{authenticated: true}", "3:5: the rule has no \"path\"\n"},
      {"{pth: /a, authenticated: true}", "3:6: unknown key \"pth\"; did you mean \"path\"?\n"},
      {"{path: /a, rules: [], authenticated: true}", "3:16: \"rules\" belongs to the top of the file\n"},
      {"{path: /a, include: [], authenticated: true}", "3:16: \"include\" belongs to the top of the file\n"},
      {"{path: /a, trailers: pas, authenticated: true}",
       "3:26: \"trailers\" is drop or pass; did you mean \"pass\"?\n"},
      {"{path: /a, trailers: [], authenticated: true}", "3:26: \"trailers\" is drop or pass\n"},
      {"{path: /a, colour: red, authenticated: true}", "3:16: unknown key \"colour\"\n"},
  });
}

TEST_CASE("keys of other languages are refused, not ignored") {
  for (const std::string key : {"cidr", "rate_limit", "cors", "conditions", "path_parameters", "websocket"}) {
    check({{"{path: /a, authenticated: true, " + key + ": x}", "3:37: unknown key \"" + key + "\"\n"}});
  }
}

TEST_CASE("timeouts of a rule") {
  const auto row = [](const std::string& value, const std::string& mistake) {
    return Row{"{path: /a, authenticated: true, timeouts: " + value + "}", mistake};
  };
  check({
      row("5s",
          "3:47: \"timeouts\" wants response, body or idle, and how long; for example 'timeouts: {response: "
          "2m}'\n"),
      row("{}",
          "3:47: \"timeouts\" wants response, body or idle, and how long; for example 'timeouts: {response: "
          "2m}'\n"),
      row("{head: 5s}", "3:54: no rule can set the timeout \"head\"; it belongs to the configuration\n"),
      row("{connect: 5s}",
          "3:57: no rule can set the timeout \"connect\"; it belongs to the configuration\n"),
      row("{respones: 5s}", "3:58: no rule can set the timeout \"respones\"; did you mean \"response\"?\n"),
      row("{response: soon}", "3:58: \"response\" wants a duration; write it as 500ms, 30s or 5m\n"),
      row("{response: 30}", "3:58: \"response\" wants a duration; write it as 500ms, 30s or 5m\n"),
      row("{body: 9ms}", "3:54: \"9ms\" is out of bounds; allowed is 10ms to 1h\n"),
      row("{idle: 61m}", "3:54: \"61m\" is out of bounds; allowed is 10ms to 1h\n"),
      row("{idle: [1s]}", "3:54: \"idle\" wants a duration; write it as 500ms, 30s or 5m\n"),
  });
}

TEST_CASE("a policy has no more different timeouts than lists for them") {
  std::string rules;
  for (std::size_t i = 0; i <= limits::rule_durations_max; ++i)
    rules += "  - {path: /a" + std::to_string(i) +
             ", authenticated: true, timeouts: {idle: " + std::to_string(i + 1) + "s}}\n";
  CHECK(load_rules(rules).mistakes() ==
        "19:49: the rules have more than 16 different timeouts; let some of them be equal\n");
}

TEST_CASE("escaped slashes of a rule") {
  check({
      {"{path: /a, authenticated: true, encoded_slash: kep}",
       "3:52: \"encoded_slash\" is refuse or keep; did you mean \"keep\"?\n"},
      {"{path: /a, authenticated: true, encoded_slash: [keep]}",
       "3:52: \"encoded_slash\" is refuse or keep\n"},
  });
}

TEST_CASE("credentials of a rule") {
  check({
      {"{path: /a, authenticated: true, credentials: []}",
       "3:50: the list is empty; leave it out for Authorization alone\n"},
      {"{path: /a, authenticated: true, credentials: [authorization, {header: Host}]}",
       "3:75: \"Host\" has a meaning of its own\n"},
      {"{path: /a, authenticated: true, credentials: {cookie: \"a b\"}}",
       "3:59: \"a b\" is no name of a source; allowed are letters, digits and '-', in other places than "
       "headers "
       "'.' and '_' too, at most 64\n"},
  });
  const auto policy =
      test::policy_of("  - {path: /a, authenticated: true, credentials: [authorization, {query: token}]}\n");
  CHECK(policy->rules()[0].credentials == std::vector<CredentialSource>{{CredentialPlace::authorization, ""},
                                                                        {CredentialPlace::query, "token"}});
}

TEST_CASE("a rule demands something, and says it in one way") {
  check({
      {"path: /a",
       "3:5: the rule demands nothing; write for example 'permission: shop.orders.read', 'allow: anonymous' "
       "or 'deny: "
       "true'\n"},
      {"{path: /a, allow: everybody}",
       "3:23: \"allow\" can only be anonymous or preflight; for every valid token write 'authenticated: "
       "true'\n"},
      {"{path: /a, allow: anonymous, permission: p}",
       "3:34: \"permission\" beside \"allow\" would never be asked for\n"},
      {"{path: /a, deny: true, role: r}", "3:28: \"role\" beside \"deny\" would never be asked for\n"},
      {"{path: /a, deny: false}",
       "3:22: \"deny\" can only be true; leave it out, or write what the rule demands\n"},
      {"{path: /a, allow: anonymous, deny: true}",
       "3:40: \"deny\" beside \"allow\": a rule is open or closed, not both\n"},
      {"{path: /a, authenticated: false}",
       "3:31: \"authenticated\" can only be true; for everybody write 'allow: anonymous'\n"},
      {"{path: /a, allow: anonymous, mode: shadow}",
       "3:40: there is nothing to shadow in a rule that is always open or always closed\n"},
      {"{path: /a, deny: true, mode: shadow}",
       "3:34: there is nothing to shadow in a rule that is always open or always closed\n"},
      {"{path: /a, authenticated: true, mode: shadwo}",
       "3:43: \"mode\" is enforce or shadow; did you mean \"shadow\"?\n"},
  });
}

TEST_CASE("requirements") {
  check({
      {"{path: /a, permission: [a, b]}",
       "3:28: \"permission\" wants one id; several are written with any_of or all_of\n"},
      {"{path: /a, permission: }", "3:28: \"permission\" wants one id\n"},
      {"{path: /a, permission: Shop.Read}",
       "3:28: \"Shop.Read\" is no id: lower-case letters, digits and '_', parts joined by '.', a letter "
       "first\n"},
      {"{path: /a, role: a..b}",
       "3:22: \"a..b\" is no id: lower-case letters, digits and '_', parts joined by '.', a letter first\n"},
      {"{path: /a, any_of: []}",
       "3:16: \"any_of\" wants a list of at least one requirement; for example 'any_of: [{permission: "
       "shop.orders.read}]'\n"},
      {"{path: /a, all_of: {permission: p}}",
       "3:16: \"all_of\" wants a list of at least one requirement; for example 'all_of: [{permission: "
       "shop.orders.read}]'\n"},
      {"{path: /a, any_of: [p]}",
       "3:25: a requirement is written '{key: value}'; for example '{permission: shop.orders.read}'\n"},
      {"{path: /a, any_of: [{}]}",
       "3:25: a requirement is written '{key: value}'; for example '{permission: shop.orders.read}'\n"},
      {"{path: /a, not: [{group: g}]}",
       "3:16: \"not\" wants one requirement; for example 'not: {group: suspended}'\n"},
      {"{path: /a, any_of: [{allow: anonymous}]}", "3:26: \"allow\" belongs to a rule\n"},
      {"{path: /a, any_of: [{permision: p}]}",
       "3:26: unknown key \"permision\"; did you mean \"permission\"?\n"},
      {"{path: /a, not: {path: /b}}", "3:22: \"path\" belongs to a rule\n"},
  });
}

TEST_CASE("requirements nest and grow within bounds") {
  const auto nested = [](std::size_t depth) {
    std::string term = "{group: g}";
    for (std::size_t i = 1; i < depth; ++i) term = "{not: " + term + "}";
    return load_rules("  - {path: /a, all_of: [" + term + "]}\n");
  };
  CHECK(nested(limits::requirement_depth_max - 1).mistakes().empty());
  CHECK(nested(limits::requirement_depth_max).mistakes().find("nested deeper than 16") != std::string::npos);

  const auto wide = [](std::size_t terms) {
    std::string list;
    for (std::size_t i = 0; i < terms; ++i) list += "{group: g" + std::to_string(i) + "},";
    return load_rules("  - {path: /a, any_of: [" + list + "]}\n");
  };
  CHECK(wide(limits::requirement_terms_max - 1).mistakes().empty());
  CHECK(wide(limits::requirement_terms_max).mistakes().find("more than 64 requirement terms") !=
        std::string::npos);
}

TEST_CASE("named requirements that multiply are refused before they are expanded") {
  std::string text = "version: 1\nrequirements:\n  r0: {role: staff}\n";
  for (int i = 1; i <= 9; ++i) {
    text += "  r" + std::to_string(i) + ": {all_of: [";
    for (int k = 0; k < 30; ++k) text += "{requirement: r" + std::to_string(i - 1) + "},";
    text += "]}\n";
  }
  const std::string mistakes = load(text + "rules:\n  - {path: /a, requirement: r9}\n").mistakes();
  CHECK(mistakes.find("the requirement \"r2\" has more than 64 requirement terms") != std::string::npos);
}

TEST_CASE("names that the catalog does not know") {
  const Catalog catalog = shop();
  const auto mistakes = [&](const std::string& demand) {
    return load_rules("  - {path: /a, " + demand + "}\n", &catalog).mistakes();
  };
  CHECK(mistakes("permission: shop.orders.read").empty());
  CHECK(mistakes("role: shop.clark") == "3:22: unknown role \"shop.clark\"; did you mean \"shop.clerk\"?\n");
  CHECK(mistakes("group: stuff") == "3:23: unknown group \"stuff\"; did you mean \"staff\"?\n");
  CHECK(mistakes("group: shop.clerk") == "3:23: unknown group \"shop.clerk\"\n");
  CHECK(mistakes("license: shop.por") == "3:25: unknown license \"shop.por\"; did you mean \"shop.pro\"?\n");
  CHECK(
      mistakes("license: site.export") ==
      "3:25: \"site.export\" is an application license; did you mean 'application_license: site.export'?\n");
  const std::string no_subject =
      "3:25: \"client_certificate\" wants true or a subject as the access log has it; for example "
      "'client_certificate: \"CN=billing,O=Example\"'\n";
  for (const std::string value : {"false", "\"true\"", "yes", "[a=b]", "billing"})
    CHECK(mistakes("client_certificate: " + value).ends_with(no_subject.substr(no_subject.find(':', 2))));
  CHECK(mistakes("application_license: shop.pro") ==
        "3:37: \"shop.pro\" is a subject license; did you mean 'license: shop.pro'?\n");
  CHECK(mistakes("any_of: [{role: a}, {not: {group: b}}]") ==
        "3:32: unknown role \"a\"\n3:50: unknown group \"b\"\n");
}

TEST_CASE("paths") {
  check({
      {"{path: a, authenticated: true}", "3:12: a path starts with '/'; did you mean \"/a\"?\n"},
      {"{path: '', authenticated: true}", "3:13: a path starts with '/'\n"},
      {"{path: [/a], authenticated: true}",
       "3:12: \"path\" wants one template, for example /api/v1/orders/{order}\n"},
      {"{path: /**/a, authenticated: true}",
       "3:13: '**' stands for all the rest and can only be the last segment\n"},
      {"{path: /a/*, authenticated: true}",
       "3:15: '*' is no wild card inside a path; write '{name}' for one segment, '/**' at the end for the "
       "rest\n"},
      {"{path: /a/b**, authenticated: true}",
       "3:15: '*' is no wild card inside a path; write '{name}' for one segment, '/**' at the end for the "
       "rest\n"},
      {"{path: '/a/:id', authenticated: true}",
       "3:16: \":id\" is no parameter here; did you mean \"{id}\"?\n"},
      {"{path: '/a/{x}.json', authenticated: true}",
       "3:16: a parameter is a whole segment, '{name}' of letters, digits and '_', not \"{x}.json\"\n"},
      {"{path: '/{}', authenticated: true}",
       "3:14: a parameter is a whole segment, '{name}' of letters, digits and '_', not \"{}\"\n"},
      {"{path: '/{1x}', authenticated: true}",
       "3:14: a parameter is a whole segment, '{name}' of letters, digits and '_', not \"{1x}\"\n"},
      {"{path: '/{x}/{x}', authenticated: true}", "3:18: the parameter \"x\" is named twice\n"},
      {"{path: /a//b, authenticated: true}",
       "3:15: an empty segment ('//') is refused in a request, so this rule would never apply\n"},
      {"{path: //, authenticated: true}",
       "3:13: an empty segment ('//') is refused in a request, so this rule would never apply\n"},
      {"{path: /a/../b, authenticated: true}",
       "3:15: the segment \"..\" is a dot segment, so this rule would never apply\n"},
      {"{path: /a%2fb, authenticated: true}",
       "3:13: the segment \"a%2fb\" holds an escaped slash or a backslash, so this rule would never apply\n"},
      {"{path: /a;b, authenticated: true}",
       "3:13: the segment \"a;b\" holds ';', so this rule would never apply\n"},
      {"{path: /a., authenticated: true}",
       "3:13: the segment \"a.\" ends in '.' or a space, so this rule would never apply\n"},
      {"{path: '/a?b=c', authenticated: true}", "3:15: a path rule never sees the query\n"},
      {"{path: /caf\xc3\xa9, authenticated: true}",
       "3:13: the segment \"caf\xc3\xa9\" holds a byte that no path may hold; write it as an escape, so this "
       "rule would "
       "never apply; did you mean \"caf%C3%A9\"?\n"},
      {"{path: '/a b', authenticated: true}",
       "3:14: the segment \"a b\" holds a byte that no path may hold; write it as an escape, so this rule "
       "would never "
       "apply; did you mean \"a%20b\"?\n"},
      {"{path: /%zz, authenticated: true}",
       "3:13: the segment \"%zz\" holds a '%' without two hex digits, so this rule would never apply\n"},
      {"{path: /%2541, authenticated: true}",
       "3:13: the segment \"%2541\" would decode a second time, so this rule would never apply\n"},
      {"{path: /%c0%af, authenticated: true}",
       "3:13: the segment \"%c0%af\" is not valid UTF-8 when decoded, so this rule would never apply\n"},
  });
}

TEST_CASE("a path that is wrong in several places says so in each") {
  check({{"{path: '/{x}/*/{x}', authenticated: true}",
          "3:18: '*' is no wild card inside a path; write '{name}' for one segment, '/**' at the end for the "
          "rest\n"
          "3:20: the parameter \"x\" is named twice\n"}});
}

TEST_CASE("paths stay within bounds") {
  const auto repeated = [](std::size_t count, const std::string& prefix, bool numbered) {
    std::string path;
    for (std::size_t i = 0; i < count; ++i) path += prefix + (numbered ? std::to_string(i) + "}" : "");
    return load_rules("  - {path: '" + path + "', authenticated: true}\n").mistakes();
  };
  CHECK(repeated(limits::path_segments_max, "/a", false).empty());
  CHECK(repeated(limits::path_segments_max + 1, "/a", false).find("more than 64 segments") !=
        std::string::npos);
  CHECK(repeated(limits::path_params_max, "/{p", true).empty());
  CHECK(repeated(limits::path_params_max + 1, "/{p", true).find("more than 16 parameters") !=
        std::string::npos);
  CHECK(repeated(limits::target_bytes_max, "/a", false).find("longer than any request") != std::string::npos);
}

TEST_CASE("hosts") {
  check({
      {"{path: /, host: 'a b', authenticated: true}", "3:21: \"a b\" is no host name\n"},
      {"{path: /, host: '*', authenticated: true}", "3:21: a rule for any host leaves \"host\" out\n"},
      {"{path: /, host: 'a.*.test', authenticated: true}",
       "3:21: '*' can only be the first label of a host, as in '*.example.com'\n"},
      {"{path: /, host: '*a.test', authenticated: true}",
       "3:21: '*' can only be the first label of a host, as in '*.example.com'\n"},
      {"{path: /, host: 'a.test:80', authenticated: true}",
       "3:21: a host rule names no port; rules hold for every port\n"},
      {"{path: /, host: 'a.test:', authenticated: true}",
       "3:21: a host rule names no port; rules hold for every port\n"},
      {"{path: /, host: '[::1]:80', authenticated: true}",
       "3:21: a host rule names no port; rules hold for every port\n"},
      {"{path: /, host: '*.[::1]', authenticated: true}", "3:21: \"*.[::1]\" is no host name\n"},
      {"{path: /, host: [a, b], authenticated: true}",
       "3:21: \"host\" wants one name; write one rule for each host\n"},
  });
}

TEST_CASE("methods") {
  check({
      {"{path: /, methods: [], authenticated: true}",
       "3:24: \"methods\" wants a list of at least one method; leave it out for every method\n"},
      {"{path: /, methods: get, authenticated: true}",
       "3:24: \"methods\" wants a list of at least one method; write '[GET]'\n"},
      {"{path: /, methods: [get], authenticated: true}",
       "3:25: \"get\" is no method; did you mean \"GET\"?\n"},
      {"{path: /, methods: ['G T'], authenticated: true}", "3:25: \"G T\" is no method\n"},
      {"{path: /, methods: [GET, [PUT]], authenticated: true}", "3:30: a method is one word\n"},
      {"{path: /, methods: [GTE], authenticated: true}",
       "3:25: unknown method \"GTE\"; did you mean \"GET\"?\n"},
      {"{path: /, methods: [DELTE], authenticated: true}",
       "3:25: unknown method \"DELTE\"; did you mean \"DELETE\"?\n"},
      {"{path: /, methods: [CONNECT, TRACE], authenticated: true}",
       "3:25: CONNECT is refused before any rule\n3:34: TRACE is refused before any rule\n"},
      {"{path: /, methods: [GET, PUT, GET], authenticated: true}", "3:35: the method GET is named twice\n"},
      {"{path: '*', methods: [OPTIONS, GET], allow: anonymous}",
       "3:36: the path \"*\" exists for OPTIONS only; write '/**' for every path\n"},
  });
  CHECK(load_rules(
            "  - {path: /, methods: [PURGE, QUERY, PROPFIND, MKCOL, LIST, M-SEARCH], authenticated: true}\n")
            .mistakes()
            .empty());
}

TEST_CASE("more different methods than a match can tell apart") {
  std::string rules;
  for (char a = 'A'; a <= 'H'; ++a) {
    for (char b = 'A'; b <= 'H'; ++b) {
      rules += std::string("  - {path: /, methods: [XX-") + a + b + "], authenticated: true}\n";
    }
  }
  CHECK(load_rules(rules).mistakes() == "64:25: more than 63 different methods\n");
}

TEST_CASE("resources") {
  check({
      {"{path: '/p/{project}', resource: 'project/{projct}', permission: p}",
       "3:47: the path has no parameter \"projct\"; did you mean \"project\"?\n"},
      {"{path: '/p/{a}', resource: 'p/{a}', role: r}",
       "3:32: \"resource\" without a \"permission\": only a permission can be granted on a resource\n"},
      {"{path: '/p/{a}', resource: 'p/{a', permission: p}", "3:35: a brace without its partner\n"},
      {"{path: '/p/{a}', resource: 'p/a}', permission: p}", "3:36: a brace without its partner\n"},
      {"{path: '/p/{a}/{b}', resource: 'p/{a}-{b}', permission: p}",
       "3:43: two parameters without a '/' between them could name one resource in two ways\n"},
      {"{path: '/p/{a}', resource: '', permission: p}", "3:33: the resource is empty\n"},
      {"{path: '/p/{a}', resource: [p], permission: p}",
       "3:32: \"resource\" wants one template, for example project/{project}\n"},
  });
  CHECK(load_rules(
            "  - {path: '/p/{a}/{b}', resource: 'p/{b}/{a}', not: {any_of: [{permission: p}, {role: r}]}}\n")
            .mistakes()
            .empty());
}

TEST_CASE("ids of rules") {
  check({
      {"{path: /, id: 'a b', authenticated: true}",
       "3:19: an id is letters, digits, '.', '_' and '-', a letter or digit first, at most 128 bytes\n"},
      {"{path: /, id: 'policy.yaml:3', authenticated: true}",
       "3:19: an id is letters, digits, '.', '_' and '-', a letter or digit first, at most 128 bytes\n"},
  });
  CHECK(load_rules("  - {id: a, path: /a, authenticated: true}\n  - {id: a, path: /b, authenticated: true}\n")
            .mistakes() == "4:10: the id \"a\" is taken by the rule at policy.yaml:3\n");
}

TEST_CASE("a rule with several mistakes reports them all, and they do not hide those of the next rule") {
  CHECK(
      load_rules("  - {path: b, methods: [get], host: '*', role: R}\n  - {path: /c}\n").diagnostics.size() ==
      5);
}

TEST_CASE("two rules of equal rank with a common request") {
  const auto overlap = [](const std::string& first, const std::string& second) {
    return load_rules("  - {" + first + ", authenticated: true}\n  - {" + second + ", authenticated: true}\n")
        .mistakes();
  };
  CHECK(
      overlap("path: /a", "path: /a") ==
      "4:5: every method of /a is already governed by the rule at policy.yaml:3; neither is more specific\n");
  CHECK(overlap("path: '/a/{x}', methods: [GET]", "path: '/a/{y}', methods: [PUT, GET]") ==
        "4:5: GET /a/{y} is already governed by the rule at policy.yaml:3 (/a/{x}); neither is more "
        "specific\n");
  CHECK(overlap("path: /a/**, host: H.test", "path: /a/**, host: h.test.") ==
        "4:5: every method of /a/** on h.test is already governed by the rule at policy.yaml:3; neither is "
        "more "
        "specific\n");
  CHECK(overlap("path: /%41", "path: /A").find("policy.yaml:3 (/%41)") != std::string::npos);
  CHECK(overlap("path: '/@a'", "path: /%40a").find("policy.yaml:3 (/@a)") != std::string::npos);
  CHECK(overlap("path: '*'", "path: '*', methods: [OPTIONS]").find("OPTIONS * is already governed") == 5);

  CHECK(overlap("path: /a", "path: /a, methods: [GET]").empty());
  CHECK(overlap("path: /a, methods: [GET]", "path: /a, methods: [HEAD]").empty());
  CHECK(overlap("path: /a", "path: /a/").empty());
  CHECK(overlap("path: /a/**", "path: /a").empty());
  CHECK(overlap("path: '/a/{x}'", "path: /a/**").empty());
  CHECK(overlap("path: '/{x}/b'", "path: '/a/{x}'").empty());
  CHECK(overlap("path: /a, host: '*.h.test'", "path: /a, host: a.h.test").empty());
  CHECK(overlap("path: /a, host: '*.h.test'", "path: /a, host: h.test").empty());
  CHECK(overlap("path: /a, host: h.test", "path: /a").empty());
  CHECK(overlap("path: /%7B%7D", "path: '/{x}'").empty());
}

TEST_CASE("rules that would let one request look at very many places are refused") {
  // All paths of ten segments, each `a` or a parameter: on /a/a/a/… every one of them is alive until the
  // last.
  const auto alternating = [](int depth) {
    std::string rules;
    for (int bits = 0; bits < 1 << depth; ++bits) {
      rules += "  - {path: '";
      for (int i = 0; i < depth; ++i) rules += (bits >> i & 1) != 0 ? "/{p" + std::to_string(i) + "}" : "/a";
      rules += "', authenticated: true}\n";
    }
    return load_rules(rules);
  };
  CHECK(alternating(8).mistakes().empty());
  CHECK(alternating(10).mistakes() ==
        "3:5: literals and parameters alternate so often in the rules for any host that one request could "
        "have to try "
        "2047 places, at most 1024 are allowed; fewer '{param}' segments beside literal ones make it "
        "cheaper\n");
}

TEST_CASE("a policy keeps the place of every part") {
  const Loaded loaded = load(R"(version: 1
rules:
  - path: /a/{x}
    methods: [PUT,
              DELETE]
    permission: p.read
    any_of:
      - role: clerk
      - not: {group: suspended}
)");
  REQUIRE_MESSAGE(loaded.policy != nullptr, loaded.mistakes());
  const auto at = [](Place place) { return std::to_string(place.line) + ":" + std::to_string(place.column); };
  const Rule& rule = loaded.policy->rules().at(0);
  CHECK(at(rule.place) == "3:5");
  CHECK(at(rule.method_places.at(0)) == "4:15");
  CHECK(at(rule.method_places.at(1)) == "5:15");
  const Requirement& all = rule.requirement;
  CHECK(all.kind == RequirementKind::all_of);
  CHECK(at(all.place) == "3:5");
  CHECK(at(all.children.at(0).place) == "6:17");
  CHECK(all.children.at(0).id == "p.read");
  CHECK(at(all.children.at(1).place) == "7:5");
  CHECK(at(all.children.at(1).children.at(0).place) == "8:15");
  CHECK(at(all.children.at(1).children.at(1).place) == "9:9");
  CHECK(at(all.children.at(1).children.at(1).children.at(0).place) == "9:22");
  CHECK(loaded.policy->symbols().size() == 3);
  CHECK(at(loaded.policy->symbols().at(2).place) == "9:22");
  CHECK(loaded.policy->file() == "policy.yaml");
}

TEST_CASE("a name is one symbol however often it is demanded, and each kind of it another") {
  const auto policy = test::policy_of(R"(
  - {path: /a, permission: p}
  - {path: /b, any_of: [{permission: p}, {role: p}, {license: p}]}
  - {path: /c, application_license: p}
)");
  CHECK(policy->symbols().size() == 4);
}

}  // namespace
}  // namespace postern::policy
