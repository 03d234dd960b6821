#include "conf/yaml_addition.hpp"

#include <doctest/doctest.h>

using namespace postern;

namespace {

yaml::Document parsed(std::string text) {
  Diagnostics diagnostics;
  yaml::Document document = yaml::parse("f.yaml", std::move(text), diagnostics);
  REQUIRE(diagnostics.empty());
  return document;
}

/// With "- NEW" added to the list under `rules`.
std::string added(const std::string& text) {
  const yaml::Document document = parsed(text);
  const auto end = yaml::end_of_list(document, "rules");
  if (!end) return "refused";
  const std::string item = end->before + std::string(end->indentation, ' ') + "- NEW\n";
  return yaml::with_additions(document.text, {{end->offset, item}});
}

/// With `NEW` added to the list under `list`.
std::string with_word(const std::string& text) {
  const yaml::Document document = parsed(text);
  const auto addition = yaml::further_word(document, *document.root.find("list"), "NEW");
  return addition ? yaml::with_additions(document.text, {*addition}) : "refused";
}

TEST_CASE("an item is added behind the last one, and comments on what follows stay with it") {
  CHECK(added("rules:\n  - a\n") == "rules:\n  - a\n  - NEW\n");
  CHECK(added("rules:\n- a # why\n") == "rules:\n- a # why\n- NEW\n");
  CHECK(added("rules:\n    -   {a: 1}\nb: 2\n") == "rules:\n    -   {a: 1}\n    - NEW\nb: 2\n");
  CHECK(added("rules:\n  - a\n  # about a\n\n# about b\nb: 1\n") ==
        "rules:\n  - a\n  # about a\n  - NEW\n\n# about b\nb: 1\n");
  CHECK(added("rules:\n  # first\n  - x: |\n      text\n      # text\n") ==
        "rules:\n  # first\n  - x: |\n      text\n      # text\n  - NEW\n");
}

TEST_CASE("a list that is missing or empty begins at the end, and one in brackets is left alone") {
  CHECK(added("a: 1\n") == "a: 1\nrules:\n  - NEW\n");
  CHECK(added("a: 1") == "a: 1\nrules:\n  - NEW\n");
  CHECK(added("rules:\n  - a") == "rules:\n  - a\n  - NEW\n");
  CHECK(added("rules:\nb: 1\n") == "rules:\n  - NEW\nb: 1\n");
  CHECK(added("rules: [a]\n") == "refused");
  CHECK(added("rules:\n  [a,\n   b]\n") == "refused");
  CHECK(added("rules: []\n") == "refused");
}

TEST_CASE("a word is added to a list of words as the list is written") {
  CHECK(with_word("list: [a, b]\n") == "list: [a, b, NEW]\n");
  CHECK(with_word("list: [a, \"b\"]  # why\n") == "list: [a, \"b\", NEW]  # why\n");
  CHECK(with_word("list: [\n  a,\n  b\n]\n") == "list: [\n  a,\n  b, NEW\n]\n");
  CHECK(with_word("list:\n  - a\n  - b  # why\nc: 1\n") == "list:\n  - a\n  - b  # why\n  - NEW\nc: 1\n");
  CHECK(with_word("list:\n- a") == "list:\n- a\n- NEW");
  CHECK(with_word("list: []\n") == "refused");
}

}  // namespace
