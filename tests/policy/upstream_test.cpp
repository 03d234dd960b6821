// `upstream: name`: which of the APIs behind us a rule leads to.

#include "tests/policy/policy_text.hpp"

using namespace postern;
using namespace postern::policy;
using namespace postern::policy::test;

namespace {

using Names = std::vector<std::string>;

Loaded load_with(const std::string& rules, const Names* names) {
  Loaded loaded;
  loaded.document = yaml::parse("policy.yaml", "version: 1\nrules:\n" + rules, loaded.diagnostics);
  loaded.policy = Policy::compile(loaded.document, nullptr, loaded.diagnostics, names);
  return loaded;
}

}  // namespace

TEST_CASE("a rule leads to the upstream it names, else to the default one") {
  const Names names = {"orders", "default", "files"};
  const Loaded loaded = load_with(
      "  - {path: /a, allow: anonymous, upstream: files}\n"
      "  - {path: /b, allow: anonymous}\n"
      "  - {path: /c, allow: anonymous, upstream: orders}\n",
      &names);
  REQUIRE_MESSAGE(loaded.policy != nullptr, loaded.mistakes());
  const auto& rules = loaded.policy->rules();
  CHECK(rules[0].upstream == 2);
  CHECK(rules[1].upstream == 1);
  CHECK(rules[2].upstream == 0);
}

TEST_CASE("the only upstream is the default one, whatever its name") {
  const Names names = {"orders"};
  const Loaded loaded = load_with("  - {path: /a, allow: anonymous}\n", &names);
  REQUIRE_MESSAGE(loaded.policy != nullptr, loaded.mistakes());
  CHECK(loaded.policy->rules()[0].upstream == 0);
}

TEST_CASE("an upstream that is not there is a mistake, with the nearest one") {
  const Names names = {"orders", "files"};
  const auto mistakes = [&](const std::string& rule) {
    return load_with("  - " + rule + "\n", &names).mistakes();
  };
  CHECK(mistakes("{path: /a, allow: anonymous, upstream: ordres}") ==
        "3:44: there is no upstream \"ordres\"; did you mean \"orders\"?\n");
  CHECK(mistakes("{path: /a, allow: anonymous, upstream: }") == "3:44: \"upstream\" wants the name of one\n");
  CHECK(mistakes("{path: /a, allow: anonymous, upstream: [orders]}") ==
        "3:44: \"upstream\" wants the name of one\n");
  CHECK(mistakes("{path: /a, allow: anonymous}") ==
        "3:5: the rule names no \"upstream\", and none of them is called \"default\"; write for example "
        "'upstream: orders'\n");
  CHECK(mistakes("{path: /a, allow: anonymous, upstrem: orders}") ==
        "3:34: unknown key \"upstrem\"; did you mean \"upstream\"?\n");
}

TEST_CASE("without names, none is looked up") {
  CHECK(load_with("  - {path: /a, allow: anonymous, upstream: anything}\n", nullptr).policy != nullptr);
}
