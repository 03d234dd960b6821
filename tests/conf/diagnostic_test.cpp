#include "conf/diagnostic.hpp"

#include <doctest/doctest.h>
#include <string>

#include "conf/limits.hpp"

using namespace postern;

namespace {

std::string render(const Diagnostics& diagnostics, const std::string& text) {
  const auto source_of = [](const std::string&, const void* context) -> std::string_view {
    return *static_cast<const std::string*>(context);
  };
  return diagnostics.render(source_of, &text);
}

}  // namespace

TEST_CASE("a diagnostic shows its place, its line and a caret under the column") {
  Diagnostics diagnostics;
  diagnostics.add({"policy.yaml", 3, 5}, "unknown key \"pth\"", "did you mean \"path\"?");
  CHECK(render(diagnostics, "version: 1\nrules:\n  - pth: /health\n") ==
        "policy.yaml:3:5: unknown key \"pth\"; did you mean \"path\"?\n"
        "  - pth: /health\n"
        "    ^\n");
}

TEST_CASE("a place without a line is the name of its source alone, and shows no line") {
  CHECK(Position{"POSTERN_LISTEN", 0, 0}.to_string() == "POSTERN_LISTEN");
  Diagnostics diagnostics;
  diagnostics.add({"--listen", 0, 0}, "is wrong");
  CHECK(render(diagnostics, "text") == "--listen: is wrong\n");
}

TEST_CASE("diagnostics come sorted by place within a file, files in order of their first mistake") {
  Diagnostics diagnostics;
  diagnostics.add({"b.yaml", 2, 1}, "second");
  diagnostics.add({"a.yaml", 1, 1}, "fourth");
  diagnostics.add({"b.yaml", 10, 1}, "third");
  diagnostics.add({"b.yaml", 1, 7}, "first");
  CHECK(diagnostics.render(nullptr, nullptr) ==
        "b.yaml:1:7: first\nb.yaml:2:1: second\nb.yaml:10:1: third\na.yaml:1:1: fourth\n");
}

TEST_CASE("the caret stands under its character") {
  const auto shown = [](const std::string& text, std::size_t column) {
    Diagnostics diagnostics;
    diagnostics.add({"f", 1, column}, "m");
    return render(diagnostics, text).substr(std::string("f:1:1: m\n").size());
  };
  SUBCASE("behind a tab, which stays a tab") {
    CHECK(shown("\tab", 3) == "\tab\n\t ^\n");
  }
  SUBCASE("behind a letter of two bytes, which takes one column") {
    CHECK(shown("\xC3\xA9x", 3) == "\xC3\xA9x\n ^\n");
  }
  SUBCASE("behind the end of the line") {
    CHECK(shown("ab", 9) == "ab\n  ^\n");
  }
  SUBCASE("in a line that ends in CRLF") {
    CHECK(shown("ab\r\ncd", 2) == "ab\n ^\n");
  }
}

TEST_CASE("a control character of a file never reaches the terminal") {
  Diagnostics diagnostics;
  diagnostics.add({"f", 1, 1}, "unknown key " + quoted("a\x1B[2J"));
  const std::string out = render(diagnostics, "a\x1B[2J: 1");
  CHECK(out.find('\x1B') == std::string::npos);
  CHECK(out == "f:1:1: unknown key \"a?[2J\"\na?[2J: 1\n^\n");
}

TEST_CASE("a very long line is cut to a window around the caret") {
  Diagnostics diagnostics;
  diagnostics.add({"f", 1, 5001}, "m");
  const std::string out = render(diagnostics, std::string(5000, 'a') + 'X' + std::string(5000, 'b'));
  CHECK(out.size() < 400);
  const std::size_t line = out.find('\n') + 1;
  const std::size_t next = out.find('\n', line) + 1;
  CHECK(out.find('X') - line == out.find('^') - next);
}

TEST_CASE("of many diagnostics the first are printed and the rest counted") {
  Diagnostics diagnostics;
  for (std::size_t i = 0; i < limits::diagnostics_kept_max + 7; ++i) diagnostics.add({"f", i + 1, 1}, "m");
  CHECK(diagnostics.size() == limits::diagnostics_kept_max + 7);
  CHECK(diagnostics.items().size() == limits::diagnostics_kept_max);
  const std::string out = diagnostics.render(nullptr, nullptr);
  CHECK(out.find("f:100:1: m\n") != std::string::npos);
  CHECK(out.find("f:101:1: m\n") == std::string::npos);
  CHECK(out.ends_with("... and 907 more\n"));

  Diagnostics all;
  all.append(std::move(diagnostics));
  CHECK(all.size() == limits::diagnostics_kept_max + 7);
}

TEST_CASE("a suggestion is made for a slip of the finger and for nothing else") {
  struct Row {
    std::string_view word, nearest;
  };
  const std::vector<std::string_view> known = {"path", "permission", "id", "methods", "upstream"};
  const Row rows[] = {
      {"pth", "path"},           // a letter missing
      {"paht", "path"},          // two swapped
      {"pathh", "path"},         // one too many
      {"pxxh", ""},              // two of four replaced: another word
      {"ix", "id"},              // short words: one slip
      {"xy", ""},                //
      {"metods", "methods"},     //
      {"mehtosd", "methods"},    // two swaps in up to eight letters
      {"upstraem", "upstream"},  //
      {"permisions", "permission"},
      {"permzzzion", "permission"},  // three in longer words
      {"pzzzzssion", ""},
      {"", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.word);
    CHECK(nearest(row.word, known) == row.nearest);
  }
  CHECK(nearest("path", {}).empty());
  CHECK(nearest(std::string(100'000, 'a'), known).empty());
  CHECK(did_you_mean("pth", known) == "did you mean \"path\"?");
  CHECK(did_you_mean("nothing like it", known).empty());
}

TEST_CASE("a quoted word is cut between characters") {
  CHECK(quoted("path") == "\"path\"");
  const std::string word = std::string(63, 'a') + "\xC3\xA9" + "tail";
  CHECK(quoted(word) == '"' + std::string(63, 'a') + "...\"");
}
