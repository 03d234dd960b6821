// `encoded_slash: keep`: who decides on a path with `%2F`, and that no reading of it reaches another rule.

#include <random>

#include "policy/decide.hpp"
#include "policy_text.hpp"

namespace postern::policy {
namespace {

/// The rule that governs a path as this policy takes it, or why the path is refused.
std::string taken(const Policy& policy, std::string_view raw, std::string_view method = "GET") {
  std::array<char, limits::target_bytes_max> buffer;
  CanonicalPath path;
  const TargetError error = policy.canonical_path("", method, raw, buffer, path);
  if (error != TargetError::none) return std::string(to_string(error));
  const Match match = policy.match("", path, method);
  return match.rule == nullptr ? "none" : match.rule->id;
}

TEST_CASE("an escaped slash passes where the rule that governs keeps it, and nowhere else") {
  const auto policy = test::policy_of(
      "  - {id: project, path: '/projects/{id}/**', encoded_slash: keep, authenticated: true}\n"
      "  - {id: file, path: '/files/{name}', authenticated: true}\n"
      "  - {id: open, path: /open/**, encoded_slash: refuse, allow: anonymous}\n");
  CHECK(taken(*policy, "/projects/group%2fproject/issues") == "project");
  CHECK(taken(*policy, "/projects/a%2Fb") == "project");
  CHECK(taken(*policy, "/projects/42/issues") == "project");
  CHECK(taken(*policy, "/files/a%2Fb") == "encoded_slash");
  CHECK(taken(*policy, "/open/a%2Fb") == "encoded_slash");
  CHECK(taken(*policy, "/nowhere%2Fa") == "encoded_slash");
  CHECK(taken(*policy, "/projects/a%2F..%2F..%2Ffiles") == "dot_segment");
  CHECK(taken(*policy, "/projects/a%5Cb") == "encoded_slash");
}

TEST_CASE("a rule that refuses escaped slashes is not reached by one in any reading") {
  const std::string files =
      "  - {id: file, path: '/files/{name}', encoded_slash: keep, authenticated: true}\n";
  const auto strict =
      test::policy_of(files +
                      "  - {id: secret, path: '/files/{name}/secret', permission: admin}\n"
                      "  - {id: put, path: '/files/{name}/{part}', methods: [PUT], permission: admin}\n");
  // An upstream that takes it for a slash would serve what the second rule guards.
  CHECK(taken(*strict, "/files/a%2Fsecret") == "encoded_slash");
  CHECK(taken(*strict, "/files/a%2Fother") == "file");
  CHECK(taken(*strict, "/files/a%2Fother", "PUT") == "encoded_slash");
  CHECK(taken(*strict, "/files/a%2Fb%2Fsecret") == "file");
  // Where that one says `keep`, too, the policy has spoken for both.
  const auto both =
      test::policy_of(files + "  - {id: all, path: /**, encoded_slash: keep, authenticated: true}\n");
  CHECK(taken(*both, "/files/a%2Fsecret") == "file");
  const auto below = test::policy_of(files + "  - {id: all, path: /**, authenticated: true}\n");
  CHECK(taken(*below, "/files/a%2Fsecret") == "encoded_slash");
}

TEST_CASE("too many segments for a rule in the other reading are too many") {
  const auto policy =
      test::policy_of("  - {id: f, path: '/f/{x}', encoded_slash: keep, authenticated: true}\n");
  std::string deep = "/f/a";
  for (std::size_t i = 2; i < limits::path_segments_max; ++i) deep += "%2Fa";
  CHECK(taken(*policy, deep) == "f");
  CHECK(taken(*policy, deep + "%2Fa") == "encoded_slash");
}

TEST_CASE("a grant and an owner are compared with the slash still escaped") {
  // Decoded, one project's name could spell another rule's resource.
  const auto policy = test::policy_of(
      "  - {id: p, path: '/p/{id}', encoded_slash: keep, permission: read, resource: 'project/{id}'}\n");
  std::array<char, limits::target_bytes_max> buffer;
  CanonicalPath path;
  REQUIRE(policy->canonical_path("", "GET", "/p/a%2fb", buffer, path) == TargetError::none);
  const Match match = policy->match("", path, "GET");
  CHECK(match.params[0] == "a%2Fb");
  char decoded[16];
  CHECK(decode_segment(match.params[0], decoded) == "a%2Fb");
}

TEST_CASE("defaults keep escaped slashes for a whole file, and a rule takes that back") {
  const test::Loaded loaded = test::load(
      "version: 1\ndefaults: {encoded_slash: keep}\nrules:\n"
      "  - {id: a, path: '/a/{x}', authenticated: true}\n"
      "  - {id: b, path: '/b/{x}', authenticated: true, encoded_slash: refuse}\n");
  REQUIRE_MESSAGE(loaded.policy != nullptr, loaded.mistakes());
  CHECK(taken(*loaded.policy, "/a/x%2Fy") == "a");
  CHECK(taken(*loaded.policy, "/b/x%2Fy") == "encoded_slash");
}

TEST_CASE("on random rules no reading of an accepted path finds a rule that refuses escaped slashes") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::vector<std::string> words = {"a", "b", "{}", "**"};
  int accepted = 0;
  for (int round = 0; round < 200; ++round) {
    std::string rules;
    std::vector<std::string> shapes;
    for (std::size_t i = 0; i < 12; ++i) {
      std::string path, shape;
      for (std::size_t depth = 1 + random() % 4, at = 0; at < depth; ++at) {
        std::string word = words[random() % (at + 1 == depth ? 4 : 3)];
        shape += "/" + word;
        path += "/" + (word == "{}" ? "{p" + std::to_string(at) + "}" : word);
      }
      if (std::find(shapes.begin(), shapes.end(), shape) != shapes.end()) continue;
      shapes.push_back(shape);
      rules += "  - {id: r" + std::to_string(i) + ", path: '" + path + "', authenticated: true" +
               (random() % 2 == 0 ? ", encoded_slash: keep}\n" : "}\n");
    }
    const auto policy = test::policy_of(rules);
    for (int n = 0; n < 50; ++n) {
      std::string raw, slashes;
      bool any = false;
      for (std::size_t depth = 1 + random() % 4, at = 0; at < depth; ++at) {
        const bool escaped = at > 0 && random() % 2 == 0;
        any = any || escaped;
        const std::string word = words[random() % 2];
        raw += (escaped ? "%2F" : "/") + word;
        slashes += "/" + word;
      }
      if (!any) continue;
      const std::string governing = taken(*policy, raw);
      if (governing == "encoded_slash") continue;
      ++accepted;
      CAPTURE(raw);
      const auto keeps = [&](const std::string& id) {
        for (const Rule& rule : policy->rules())
          if (rule.id == id) return rule.encoded_slash == EncodedSlash::keep;
        return id == "none";
      };
      REQUIRE(governing != "none");
      REQUIRE(keeps(governing));
      REQUIRE(keeps(test::governing(*policy, "GET", slashes)));
    }
  }
  CHECK(accepted > 500);
}

}  // namespace
}  // namespace postern::policy
