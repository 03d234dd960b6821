#include "policy/proposal.hpp"

#include <random>

#include "policy/prove.hpp"
#include "policy_text.hpp"

namespace postern::policy {
namespace {

struct Proposed {
  std::vector<Operation> operations;
  Proposal proposal;
  std::string mistakes;
};

Proposed proposed(const std::string& text, bool open = false) {
  Proposed out;
  Diagnostics diagnostics;
  const yaml::Document document = parse_openapi("api", text, diagnostics);
  out.operations = read_operations(document, "", diagnostics);
  out.proposal = propose(document, out.operations, open, diagnostics);
  for (const Diagnostic& one : diagnostics.items())
    out.mistakes += one.message + "; " + one.suggestion + '\n';
  return out;
}

std::string policy_of(const Proposal& proposal) {
  return "version: 1\nrules:\n" + rules_text(proposal.rules, 2);
}

/// "GET /orders: orders.read", one rule a line; what several operations demand is joined by '+'.
std::string demands(const std::string& paths, bool open = false) {
  const Proposed made = proposed("openapi: 3.0.0\npaths:\n" + paths, open);
  CHECK(made.mistakes == "");
  std::string text;
  for (const ProposedRule& rule : made.proposal.rules) {
    text += rule.id + ": " + rule.method + ' ' + rule.path + ": ";
    std::string permissions = rule.open ? "everybody" : "";
    for (const std::string& one : rule.permissions) permissions += (permissions.empty() ? "" : "+") + one;
    text += permissions + '\n';
  }
  return text;
}

TEST_CASE("a permission is the document's own, else tag and whether it reads") {
  CHECK(demands("  /orders:\n    get: {operationId: listOrders, tags: [Orders]}\n"
                "    post: {operationId: makeOrder, tags: [Orders]}\n"
                "    delete: {operationId: dropAll, tags: [Orders], x-permission: orders.purge}\n") ==
        "listOrders: GET /orders: orders.read\nmakeOrder: POST /orders: orders.write\n"
        "dropAll: DELETE /orders: orders.purge\n");
  CHECK(demands("  /api/v1/pull-requests/{n}: {head: {}, patch: {}}\n") ==
        "head-api-v1-pull-requests-n: HEAD /api/v1/pull-requests/{n}: pull_requests.read\n"
        "patch-api-v1-pull-requests-n: PATCH /api/v1/pull-requests/{n}: pull_requests.write\n");
  const Proposed made = proposed("openapi: 3.0.0\npaths: {/a: {get: {x-permission: 'Read:A'}}}\n");
  CHECK(made.mistakes ==
        "\"Read:A\" is no id of a permission; write lower-case letters, digits, '_' and dots, as in "
        "\"read_a\"\n");
}

TEST_CASE("what declares no security is guarded unless it is to be open") {
  const std::string paths =
      "  /a: {get: {security: []}}\n  /b: {get: {}}\n  /c: {get: {security: [{k: []}]}}\n";
  CHECK(demands(paths).find("everybody") == std::string::npos);
  CHECK(demands(paths, true) ==
        "get-a: GET /a: everybody\nget-b: GET /b: everybody\nget-c: GET /c: c.read\n");
  const Proposed made = proposed("openapi: 3.0.0\npaths:\n" + paths);
  CHECK(policy_of(made.proposal)
            .find("declares no security; guarded all the same. accepted: guarded_operation") !=
        std::string::npos);
}

TEST_CASE("operations that no rule can tell apart share one that demands what all of them do") {
  CHECK(demands("  '/f/{id}': {get: {tags: [a]}}\n  '/f/{name}.json': {get: {tags: [b]}}\n"
                "  '/f/x': {get: {tags: [b]}}\n") ==
        "get-f-id: GET /f/{id}: a.read+b.read\nget-f-x: GET /f/x: b.read\n");
  std::string many;
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    many += "  '/{id}.f" + n + "': {get: {tags: [t" + n + "]}}\n";
  }
  const Proposed made = proposed("openapi: 3.0.0\npaths:\n" + many);
  CHECK(policy_of(made.proposal).find("deny: true") != std::string::npos);
  CHECK(test::load(policy_of(made.proposal)).mistakes() == "");
}

TEST_CASE("each tag has a reader, a writer and an administrator, as far as they differ from nobody") {
  const Proposed made = proposed(
      "openapi: 3.0.0\npaths:\n  /a: {get: {tags: [a]}, put: {tags: [a]}}\n"
      "  /b: {get: {tags: [b]}, delete: {tags: [b], x-permission: b.purge}}\n");
  CHECK(roles_text(made.proposal.roles, 0) ==
        "- {id: a.reader, name: \"a: reader\", permissions: [a.read]}\n"
        "- {id: a.writer, name: \"a: writer\", permissions: [a.read, a.write]}\n"
        "- {id: a.admin, name: \"a: administrator\", permissions: [a.read, a.write]}\n"
        "- {id: b.reader, name: \"b: reader\", permissions: [b.read]}\n"
        "- {id: b.admin, name: \"b: administrator\", permissions: [b.read, b.purge]}\n");
  CHECK(permissions_text(made.proposal.permissions, 0) ==
        "- {id: a.read, name: Read a}\n- {id: a.write, name: Write a}\n- {id: b.read, name: Read b}\n- "
        "b.purge\n");
}

TEST_CASE(
    "a server's variables are at their defaults, and servers of a path or an operation replace the "
    "document's") {
  const auto paths = [](const std::string& text) {
    std::string out;
    for (const Operation& operation : proposed(text).operations) out += operation.path + ' ';
    return out;
  };
  CHECK(paths("servers: [{url: 'https://{h}.test/{v}', variables: {h: {default: a}, v: {default: v2}}}]\n"
              "paths: {/a: {get: {}}}") == "/v2/a ");
  CHECK(paths("servers: [{url: //a.test/v1/}, {url: /v2}]\npaths: {/a: {get: {}}}") == "/v1/a /v2/a ");
  CHECK(paths("servers: [{url: /v1}]\npaths: {/a: {servers: [{url: /v2}], get: {}, put: {servers: [{url: "
              "/}]}}}") == "/v2/a /a ");
}

TEST_CASE("a path item is followed within the document") {
  const Proposed made = proposed(
      "paths: {/a/b: {$ref: '#/components/pathItems/x~1y'}, /c: {$ref: '#/paths/~1a~1b'}}\n"
      "components: {pathItems: {x/y: {get: {}}}}\n");
  CHECK(made.operations.size() == 1);
  CHECK(proposed("paths: {/a: {$ref: other.yaml}}").mistakes ==
        "the path item \"other.yaml\" is not in the document; bundle the document into one file first\n");
}

TEST_CASE("an operation that no request reaches is told and left out") {
  const Proposed made =
      proposed("paths: {//a: {get: {}}, /b;c: {get: {}}, d: {get: {}}, /e: {trace: {}}, '/f g': {get: {}}}");
  std::string why;
  for (const Operation& operation : made.operations)
    why += operation.path + ": " + operation.unreachable + '\n';
  CHECK(why ==
        "//a: no request may have such a path (empty_segment)\n"
        "/b;c: no request may have such a path (parameter)\nd: its path does not begin with '/'\n"
        "/e: the method is never passed on\n/f g: \n");
  CHECK(made.proposal.rules.size() == 1);
  CHECK(made.proposal.rules.at(0).path == "/f%20g");
}

TEST_CASE("in JSON a scheme of any name is a scheme, also one named as what is skipped") {
  const Proposed made =
      proposed(R"({"paths": {"/a": {"get": {"security": [{"headers": []}], "parameters": [{}]}}}})");
  CHECK(made.operations.at(0).security == Declared::secured);
}

/// Tags, ids and paths that a hostile document might hold.
std::string odd_text(std::mt19937& dice) {
  static const std::vector<std::string> pieces = {
      "a", "B",  "7",   "_",       ".",       "-",        ":",    "#", " # ", "\\\"", "'",
      "*", "~",  "%2f", "@",       "\\n",     "\\t",      "no",   "&", "!",   "{",    "}",
      "[", "- ", ": ",  "\\u2028", "\\u0085", "\xC3\xA9", "null", "|", ">",   "%"};
  std::string text;
  for (std::size_t i = dice() % 5; i-- > 0;) text += pieces[dice() % pieces.size()];
  return text;
}

TEST_CASE(
    "whatever a document calls its parts, the proposal is a sound policy that governs every operation") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 dice(seed);
  for (int round = 0; round < 300; ++round) {
    std::string paths;
    for (int i = 0; i < 8; ++i)
      paths += (i == 0 ? "" : ",") + ("\"/" + std::to_string(i) + odd_text(dice) + "/{" + odd_text(dice)) +
               "}\": {\"get\": {" + "\"operationId\": \"" + odd_text(dice) + "\", \"tags\": [\"" +
               odd_text(dice) + "\"], \"security\": [{\"b\": []}]}}";
    CAPTURE(paths);
    const Proposed made = proposed("{\"openapi\": \"3.0.0\", \"paths\": {" + paths + "}}");
    REQUIRE(made.mistakes == "");
    if (made.proposal.rules.empty()) continue;
    const test::Loaded loaded = test::load(policy_of(made.proposal));
    INFO(policy_of(made.proposal));
    REQUIRE(loaded.mistakes() == "");
    const Proof proof = prove(*loaded.policy, made.operations, nullptr, {});
    for (const Finding& finding : proof.findings)
      CHECK_MESSAGE(finding.severity == Severity::note, finding.sentence);
    const std::string catalog = "version: 1\npermissions:\n" +
                                permissions_text(made.proposal.permissions, 2) + "roles:\n" +
                                roles_text(made.proposal.roles, 2);
    Diagnostics diagnostics;
    (void)yaml::parse("catalog.yaml", catalog, diagnostics);
    CHECK_MESSAGE(diagnostics.empty(), catalog);
  }
}

}  // namespace
}  // namespace postern::policy
