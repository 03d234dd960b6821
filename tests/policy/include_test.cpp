// A policy in several files: what each may say, what holds across them, and where a mistake is told to be.

#include <map>

#include "policy/policy_files.hpp"
#include "policy_text.hpp"

namespace postern::policy {
namespace {

using Texts = std::map<std::string, std::string>;

/// A folder in memory, and the policy in it.
struct Folder {
  Texts texts;
  PolicyFiles files;
  Diagnostics diagnostics;
  std::unique_ptr<const Policy> policy;

  explicit Folder(Texts written, const std::string& root = "etc/policy.yaml") : texts(std::move(written)) {
    files = gather_files(root,
                         {[this](const std::string& path) {
                            return texts.contains(path) ? std::string() : "cannot be opened: no such file";
                          },
                          [this](const std::string& path, Diagnostics& found) {
                            return yaml::parse(path, texts.at(path), found);
                          }},
                         diagnostics);
    policy = Policy::compile(files, nullptr, diagnostics);
  }

  [[nodiscard]] std::string mistakes() const {
    std::string out;
    for (const Diagnostic& item : diagnostics.items()) {
      out += item.position.file + ":" + std::to_string(item.position.line) + ": " + item.message;
      if (!item.suggestion.empty()) out += "; " + item.suggestion;
      out += '\n';
    }
    return out;
  }
};

/// What a main file says that includes these.
std::string including(const std::string& list, const std::string& rest = "") {
  return "version: 1\ninclude: [" + list + "]\n" + rest;
}

std::string rule(const std::string& text) {
  return "version: 1\nrules:\n  - {" + text + "}\n";
}

TEST_CASE("rules of all files are one policy, and each knows its file") {
  const Folder folder(
      {{"etc/policy.yaml", including("teams/orders.yaml, billing.yaml",
                                     "rules:\n  - {id: health, path: /health, allow: anonymous}\n")},
       {"etc/teams/orders.yaml",
        including("deep/more.yaml") + "rules:\n  - {path: /orders/**, permission: orders.read}\n"},
       {"etc/teams/deep/more.yaml", rule("path: /more, deny: true")},
       {"etc/billing.yaml", rule("id: billing, path: /billing/**, role: billing")}});
  REQUIRE_MESSAGE(folder.policy != nullptr, folder.mistakes());
  const Policy& policy = *folder.policy;
  CHECK(policy.files() == std::vector<std::string>{"etc/policy.yaml", "etc/teams/orders.yaml",
                                                   "etc/billing.yaml", "etc/teams/deep/more.yaml"});
  CHECK(test::governing(policy, "GET", "/health") == "health");
  CHECK(test::governing(policy, "GET", "/billing/1") == "billing");
  // Told apart by the path from the policy's own directory, which nobody else has to see.
  CHECK(test::governing(policy, "GET", "/orders/1") == "teams/orders.yaml:4");
  CHECK(test::governing(policy, "GET", "/more") == "teams/deep/more.yaml:3");
  const Match match = policy.match("", test::Path("/orders/1").canonical, "GET");
  CHECK(policy.where(match.rule->place) == "etc/teams/orders.yaml:4");
  CHECK(policy.where(match.rule->requirement.place) == "etc/teams/orders.yaml:4");
  CHECK(policy.where(policy.symbols().back().place) == "etc/billing.yaml:3");
}

TEST_CASE("rules without an id in files of the same name have different names") {
  const Folder folder({{"policy.yaml", including("a/policy.yaml, b/policy.yaml")},
                       {"a/policy.yaml", rule("path: /a, deny: true")},
                       {"b/policy.yaml", rule("path: /b, deny: true")}},
                      "policy.yaml");
  REQUIRE_MESSAGE(folder.policy != nullptr, folder.mistakes());
  CHECK(test::governing(*folder.policy, "GET", "/a") == "a/policy.yaml:3");
  CHECK(test::governing(*folder.policy, "GET", "/b") == "b/policy.yaml:3");
}

TEST_CASE("what two files say of one request, or of one id, is a mistake that names both") {
  const Folder folder({{"etc/policy.yaml", including("a.yaml, b.yaml")},
                       {"etc/a.yaml", rule("id: one, path: '/x/{a}', deny: true")},
                       {"etc/b.yaml", rule("id: one, path: '/x/{b}', methods: [GET], deny: true") +
                                          "  - {path: '/x/{c}', authenticated: true}\n"}});
  CHECK(folder.mistakes() ==
        "etc/b.yaml:3: the id \"one\" is taken by the rule at etc/a.yaml:3\n"
        "etc/b.yaml:4: every method of /x/{c} is already governed by the rule at etc/a.yaml:3 (/x/{a}); "
        "neither is more specific\n");
}

TEST_CASE("defaults hold for the rules of their own file") {
  const Folder folder({{"etc/policy.yaml", including("a.yaml",
                                                     "defaults: {mode: shadow}\nrules:\n  - {id: own, path: "
                                                     "/own, authenticated: true}\n")},
                       {"etc/a.yaml",
                        "version: 1\ndefaults: {host: a.test}\nrules:\n  - {id: a, path: /a, "
                        "authenticated: true}\n"}});
  REQUIRE_MESSAGE(folder.policy != nullptr, folder.mistakes());
  CHECK(folder.policy->rules()[0].mode == Mode::shadow);
  CHECK(folder.policy->rules()[0].host.empty());
  CHECK(folder.policy->rules()[1].mode == Mode::enforce);
  CHECK(folder.policy->rules()[1].host == "a.test");
}

TEST_CASE("a named requirement holds below its file, not above and not beside it") {
  const std::string named = "requirements: {staff: {group: staff}}\n";
  const Folder below({{"etc/policy.yaml", including("a.yaml", named)},
                      {"etc/a.yaml", including("b.yaml")},
                      {"etc/b.yaml", rule("id: b, path: /b, requirement: staff")}});
  REQUIRE_MESSAGE(below.policy != nullptr, below.mistakes());
  CHECK(below.policy->where(below.policy->rules().front().requirement.place) == "etc/policy.yaml:3");

  const Folder above(
      {{"etc/policy.yaml", including("a.yaml, b.yaml", "rules: [{path: /o, requirement: staff}]\n")},
       {"etc/a.yaml", "version: 1\n" + named + "rules: [{path: /a, requirement: staff}]\n"},
       {"etc/b.yaml", rule("path: /b, requirement: staff")}});
  CHECK(above.mistakes() ==
        "etc/policy.yaml:3: there is no requirement \"staff\"; name it under \"requirements\"\n"
        "etc/b.yaml:3: there is no requirement \"staff\"; name it under \"requirements\"\n");
}

TEST_CASE("a requirement is not named anew further down") {
  const Folder folder({{"etc/policy.yaml", including("a.yaml", "requirements:\n  staff: {group: staff}\n")},
                       {"etc/a.yaml",
                        "version: 1\nrequirements: {staff: {authenticated: true}}\nrules: [{path: "
                        "/a, requirement: staff}]\n"}});
  CHECK(folder.mistakes() ==
        "etc/a.yaml:2: the requirement \"staff\" is named already at etc/policy.yaml:4\n");
}

TEST_CASE("an owner that a rule has no parameter for is told where the requirement stands") {
  const Folder folder({{"etc/policy.yaml", including("a.yaml", "requirements:\n  self: {owner: {user}}\n")},
                       {"etc/a.yaml", rule("path: '/u/{usr}', requirement: self")}});
  CHECK(folder.mistakes() ==
        "etc/policy.yaml:4: the path has no parameter \"user\"; did you mean \"usr\"?\n");
}

TEST_CASE("an include that leads nowhere or elsewhere") {
  const std::map<std::string, std::string> rows = {
      {"gone.yaml", "\"gone.yaml\" cannot be opened: no such file"},
      {"/etc/shadow",
       "an include is a path from the directory of this file, not \"/etc/shadow\"; a policy is one "
       "tree of files"},
      {"../other.yaml", "\"../other.yaml\" leads out of the policy's directory"},
      {"a/../../b.yaml", "\"a/../../b.yaml\" leads out of the policy's directory"},
      {"./a.yaml", "\"./a.yaml\" has a part that says nothing"},
      {"a//b.yaml", "\"a//b.yaml\" has a part that says nothing"},
      {"teams/", "\"teams/\" has a part that says nothing"},
      {"'teams/*.yaml'",
       "\"teams/*.yaml\" looks like a pattern; each file is named; one that is missing would not "
       "be noticed"},
      {"''", "an include names no file"},
      {"{file: a.yaml}", "an include is the path of one file; for example 'teams/orders.yaml'"},
      {"policy.yaml", "\"policy.yaml\" includes this file: a circle"},
      {"a.yaml, a.yaml", "\"a.yaml\" is included already at etc/policy.yaml:2"},
  };
  for (const auto& [written, mistake] : rows) {
    CAPTURE(written);
    const Folder folder({{"etc/policy.yaml", including(written)},
                         {"etc/a.yaml", rule("path: /a, deny: true")},
                         {"other.yaml", rule("path: /o, allow: anonymous")}});
    CHECK(folder.mistakes() == "etc/policy.yaml:2: " + mistake + "\n");
    CHECK(folder.policy == nullptr);
  }
}

TEST_CASE("a circle over several files, and a file that two include") {
  const Folder circle({{"etc/policy.yaml", including("a.yaml")},
                       {"etc/a.yaml", including("b.yaml")},
                       {"etc/b.yaml", including("a.yaml")}});
  CHECK(circle.mistakes() == "etc/b.yaml:2: \"a.yaml\" includes this file: a circle\n");
  const Folder twice({{"etc/policy.yaml", including("a.yaml, b.yaml")},
                      {"etc/a.yaml", including("b.yaml")},
                      {"etc/b.yaml", rule("path: /b, deny: true")}});
  CHECK(twice.mistakes() == "etc/a.yaml:2: \"b.yaml\" is included already at etc/policy.yaml:2\n");
}

TEST_CASE("a list of files, not one and not none") {
  const Folder one(Texts{{"etc/policy.yaml", "version: 1\ninclude: a.yaml\n"}});
  CHECK(one.mistakes() ==
        "etc/policy.yaml:2: \"include\" wants a list of at least one file; write '[a.yaml]'\n");
  const Folder none(Texts{{"etc/policy.yaml", "version: 1\ninclude: []\nrules: [{path: /a, deny: true}]\n"}});
  CHECK(none.mistakes() ==
        "etc/policy.yaml:2: \"include\" wants a list of at least one file; leave it out\n");
}

TEST_CASE("an included file is a policy itself: a version, and rules or more files") {
  const Folder folder({{"etc/policy.yaml", including("a.yaml, b.yaml, c.yaml")},
                       {"etc/a.yaml", "rules: [{path: /a, deny: true}]\n"},
                       {"etc/b.yaml", "version: 1\nrequirements: {x: {group: x}}\n"},
                       {"etc/c.yaml", ""}});
  CHECK(folder.mistakes() ==
        "etc/a.yaml:1: \"version\" is missing; write 'version: 1'\n"
        "etc/b.yaml:1: \"rules\" is missing\n"
        "etc/c.yaml:1: a policy is a mapping with \"version\" and \"rules\"\n");
}

TEST_CASE("mistakes of every file come at once, those that cannot be parsed with them") {
  const Folder folder({{"etc/policy.yaml", including("a.yaml, b.yaml, gone.yaml", "rules: [{pth: /o}]\n")},
                       {"etc/a.yaml", "version: 1\nrules: [\n"},
                       {"etc/b.yaml", rule("path: /b, permission: B")}});
  CHECK(folder.diagnostics.size() == 4);
  for (const char* place : {"etc/policy.yaml:2: \"gone.yaml\"",
                            "etc/policy.yaml:3: ", "etc/a.yaml:", "etc/b.yaml:3: \"B\" is no id"})
    CHECK_MESSAGE(folder.mistakes().find(place) != std::string::npos, place, folder.mistakes());
  // All of them are to be watched, the missing one too.
  CHECK(folder.files.size() == 4);
}

TEST_CASE("an included file alone may keep what the whole policy forbids together") {
  const Folder folder(
      {{"etc/policy.yaml", including("a.yaml, b.yaml")},
       {"etc/a.yaml", rule("path: /a, authenticated: true, trailers: pass")},
       {"etc/b.yaml", rule("path: /b, authenticated: true, upstream_headers: {X-Tier: gold}")}});
  CHECK(folder.mistakes() ==
        "etc/a.yaml:3: \"trailers: pass\" in a policy where a rule has \"upstream_headers\"; a client could "
        "send them "
        "in a trailer\n");
}

TEST_CASE("no more files than the limit are read") {
  Texts texts;
  std::string list;
  for (std::size_t i = 0; i < limits::policy_files_max; ++i) {
    const std::string name = "f" + std::to_string(i) + ".yaml";
    list += (list.empty() ? "" : ", ") + name;
    texts["etc/" + name] = rule("path: /" + std::to_string(i) + ", deny: true");
  }
  texts["etc/policy.yaml"] = including(list);
  const Folder folder(std::move(texts));
  CHECK(folder.mistakes() == "etc/policy.yaml:2: a policy has at most 256 files\n");
}

TEST_CASE("a file that stands alone includes no other") {
  const test::Loaded loaded = test::load(including("a.yaml"));
  CHECK(loaded.mistakes() == "2:10: a file that stands alone includes no other\n");
}

}  // namespace
}  // namespace postern::policy
