#include "conf/yaml.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "conf/limits.hpp"
#include "tests/conf/temporary_directory.hpp"

using namespace postern;

namespace {

struct Parsed {
  yaml::Document document;
  Diagnostics diagnostics;
};

Parsed parse(std::string text) {
  Parsed parsed;
  parsed.document = yaml::parse("f.yaml", std::move(text), parsed.diagnostics);
  return parsed;
}

std::string repeated(std::string_view piece, std::size_t count) {
  std::string out;
  out.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += piece;
  return out;
}

/// "3:5 message" of each mistake, in order.
std::vector<std::string> mistakes(const std::string& text) {
  std::vector<std::string> out;
  const Parsed parsed = parse(text);
  for (const Diagnostic& item : parsed.diagnostics.items())
    out.push_back(std::to_string(item.position.line) + ':' + std::to_string(item.position.column) + ' ' +
                  item.message);
  return out;
}

std::string place(const yaml::Node& node) {
  return std::to_string(node.line) + ':' + std::to_string(node.column);
}

}  // namespace

TEST_CASE("every part of a file keeps its place") {
  const auto [document, diagnostics] = parse(
      "version: 1\n"
      "rules:\n"
      "  - path: \"/health\"\n"
      "    methods: [GET, PUT]\n");
  REQUIRE(diagnostics.empty());
  const yaml::Node& root = document.root;
  REQUIRE(root.kind == yaml::Kind::mapping);
  REQUIRE(root.entries.size() == 2);
  CHECK(root.entries[1].key == "rules");
  CHECK(document.at(root.entries[1]).to_string() == "f.yaml:2:1");

  const yaml::Node* version = root.find("version");
  REQUIRE(version != nullptr);
  CHECK(version->kind == yaml::Kind::scalar);
  CHECK(version->scalar == "1");
  CHECK_FALSE(version->quoted);
  CHECK(document.at(*version).to_string() == "f.yaml:1:10");
  CHECK(root.find("other") == nullptr);

  const yaml::Node& rules = *root.find("rules");
  REQUIRE(rules.kind == yaml::Kind::sequence);
  CHECK(place(rules) == "3:3");
  const yaml::Node& rule = rules.items.at(0);
  CHECK(place(rule) == "3:5");
  CHECK(rule.find("path")->quoted);
  CHECK(place(*rule.find("path")) == "3:11");
  CHECK(place(rule.find("methods")->items.at(1)) == "4:20");
}

TEST_CASE("a missing value stands where it is missing, not where the next thing begins") {
  const auto [document, diagnostics] = parse(
      "a:\n"
      "  # nothing yet\n"
      "\n"
      "b: ~\n"
      "c:\n"
      "  -\n"
      "  - x\n"
      "  - ~\n"
      "d:");
  REQUIRE(diagnostics.empty());
  CHECK(document.root.find("a")->kind == yaml::Kind::null);
  CHECK(place(*document.root.find("a")) == "1:1");
  CHECK(place(*document.root.find("b")) == "4:4");
  CHECK(place(document.root.find("c")->items.at(0)) == "6:3");
  CHECK(place(document.root.find("c")->items.at(2)) == "8:5");
  CHECK(place(*document.root.find("d")) == "9:1");
}

TEST_CASE("texts come with quotes and escapes resolved") {
  struct Row {
    std::string text;
    std::string scalar;
    bool quoted;
  };
  const Row rows[] = {
      {"a: plain text", "plain text", false},
      {"a: 'it''s'", "it's", true},
      {"a: 'ends in one'''", "ends in one'", true},
      {R"(a: "tab\tquote\"slash\\")", "tab\tquote\"slash\\", true},
      {"a: |\n  one\n  two\n", "one\ntwo\n", true},
      {"a: >\n  one\n  two\n", "one two\n", true},
      {"a: true", "true", false},
      {"a: http://h:80/x#y", "http://h:80/x#y", false},
      {"a: caf\xC3\xA9", "caf\xC3\xA9", false},
      {"a: ''", "", true},
      {"\xEF\xBB\xBF"
       "a: with a byte order mark",
       "with a byte order mark", false},
      {"a: windows\r\n", "windows", false},
      {"---\na: explicit start\n...\n", "explicit start", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto [document, diagnostics] = parse(row.text);
    CHECK(diagnostics.empty());
    const yaml::Node* node = document.root.find("a");
    REQUIRE(node != nullptr);
    CHECK(node->kind == yaml::Kind::scalar);
    CHECK(node->scalar == row.scalar);
    CHECK(node->quoted == row.quoted);
  }
}

TEST_CASE("an empty text is a null root and no mistake") {
  for (const std::string text : {"", "\n\n", "# only a comment\n", "---\n"}) {
    CAPTURE(text);
    const auto [document, diagnostics] = parse(text);
    CHECK(diagnostics.empty());
    CHECK(document.root.kind == yaml::Kind::null);
  }
}

TEST_CASE("what could be read in two ways is refused at its place") {
  struct Row {
    std::string text;
    std::string mistake;
  };
  const Row rows[] = {
      {"a: &x 1", "1:4 anchors are not allowed; write the value out where it is used"},
      {"a: &x", "1:4 anchors are not allowed; write the value out where it is used"},
      {"a: &x [1]", "1:4 anchors are not allowed; write the value out where it is used"},
      {"&x a: 1", "1:1 anchors are not allowed; write the value out where it is used"},
      {"a: *x", "1:4 aliases are not allowed; write the value out"},
      {"*x : 1", "1:1 aliases are not allowed; write the value out"},
      {"a: !!int 1", "1:4 tags are not allowed"},
      {"a: !x {b: 1}", "1:4 tags are not allowed"},
      {"a: !x [b]", "1:4 tags are not allowed"},
      {"a: ! b", "1:4 tags are not allowed"},
      {"a: !x", "1:4 tags are not allowed"},
      {"!2", "1:1 tags are not allowed"},
      {"a: 1\nb: 2\na: 3", "3:1 key \"a\" is given twice, first in line 1"},
      {"a: {b: 1, b: 2}", "1:11 key \"b\" is given twice, first in line 1"},
      {"a: 1\n\"a\": 2", "2:1 key \"a\" is given twice, first in line 1"},
      {"a: 1\n---\nb: 2", "2:1 a second document begins here; a file holds one"},
      {"a: 1\n---\n", "2:1 a second document begins here; a file holds one"},
      {"- a\nb: 1", "2:1 this does not belong to what stands above it; check the indentation"},
      {"a: {{ .Values.x }}", "1:5 a key must be a text, not a list or a mapping (is a bracket not closed?)"},
      {"? [a]\n: b", "1:3 a key must be a text, not a list or a mapping (is a bracket not closed?)"},
      {"~: 1", "1:1 a key must be a text"},
      {"a: b: c", "1:5 a ':' does not belong here; check the indentation, or quote a text that holds one"},
      {"a: [1\nb: 2\n", "2:2 a '[' is not closed"},
      {"a: {b: 1\nc: 2\n", "2:2 a '{' is not closed"},
      {"a: \x01", "1:4 a control character"},
      {"a: b\rc: d", "1:5 a control character"},
      {"b: 1\na: \xFF", "2:4 not valid UTF-8"},
      {"a: \xC0\xAF", "1:4 not valid UTF-8"},
      {"a: \xED\xA0\x80", "1:4 not valid UTF-8"},
      {"a: \xF4\x90\x80\x80", "1:4 not valid UTF-8"},
      {"a: \xE2\x82", "1:4 not valid UTF-8"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto found = mistakes(row.text);
    REQUIRE(found.size() == 1);
    CHECK(found[0] == row.mistake);
  }
  CHECK(mistakes(std::string("a: \0b", 5)) == std::vector<std::string>{"1:4 a control character"});
}

TEST_CASE(
    "a quote that is never closed is refused, though yaml-cpp takes the rest of the file for its text") {
  for (const std::string text :
       {"a: \"x\nb: 1\n", "a: \"x\n", "a: 'x\n\n", "a: 'x''\n", "a: \"x\\\"\n", "a: \"x"}) {
    CAPTURE(text);
    const auto [document, diagnostics] = parse(text);
    REQUIRE(diagnostics.size() == 1);
    CHECK(diagnostics.items()[0].message == "a quote is not closed");
    CHECK(diagnostics.items()[0].position.line == 1);
    CHECK(document.root.kind == yaml::Kind::null);
  }
}

TEST_CASE("mistakes that leave the syntax whole come all at once, and the rest of the tree stays") {
  const auto [document, diagnostics] = parse("a: &x 1\nb: !t 2\nc: 3\nc: 4\nd: 5\n");
  CHECK(diagnostics.size() == 3);
  REQUIRE(document.root.entries.size() == 4);
  CHECK(document.root.find("c")->scalar == "3");
  CHECK(document.root.find("d")->scalar == "5");
}

TEST_CASE("after a mistake of syntax the document keeps file and text, and no half tree") {
  const auto [document, diagnostics] = parse("a: 1\n b: 2\n");
  CHECK(diagnostics.size() == 1);
  CHECK(document.file == "f.yaml");
  CHECK(document.text == "a: 1\n b: 2\n");
  CHECK(document.root.kind == yaml::Kind::null);
}

TEST_CASE("collections nest as deep as the limit and no deeper") {
  const auto depth = static_cast<std::size_t>(limits::yaml_depth_max);
  CHECK(mistakes(repeated("[", depth) + repeated("]", depth)).empty());
  const auto found = mistakes(repeated("[", depth + 1) + repeated("]", depth + 1));
  REQUIRE(found.size() == 1);
  CHECK(found[0] == "1:33 nested deeper than 32 levels");
  CHECK(mistakes(repeated("- ", depth + 1) + "x").size() == 1);
}

TEST_CASE("a bomb is refused before it costs much") {
  struct Row {
    const char* what;
    std::string text;
  };
  const std::string laughs = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c]\n";
  const Row rows[] = {
      {"billion laughs", laughs},
      {"open brackets", repeated("[", 4'000'000)},
      {"open braces on lines of their own", repeated("{\n", 1'000'000)},
      {"keys without end in a list", "[" + repeated("a: ", 2'000'000)},
      {"aliases", repeated("- *a\n", 200'000)},
      {"anchors", repeated("- &a x\n", 200'000)},
      {"more values than the limit", repeated("-\n", limits::yaml_nodes_max + 1)},
      {"more text than the limit", std::string(limits::yaml_bytes_max + 1, '#')},
      {"one value without end", "a: \"" + std::string(2 * limits::yaml_value_bytes_max, 'x') + '"'},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto [document, diagnostics] = parse(row.text);
    CHECK_FALSE(diagnostics.empty());
    CHECK(diagnostics.items().size() <= limits::diagnostics_max);
    CHECK(document.root.entries.size() <= 4);  // laughs: an alias leaves a hole, nothing is expanded
  }
  // The limit is where it says, not below it.
  CHECK(parse(repeated("-\n", limits::yaml_nodes_max - 1)).diagnostics.empty());
  CHECK(parse("a: \"" + std::string(limits::yaml_value_bytes_max / 2, 'x') + '"').diagnostics.empty());
}

TEST_CASE("many repeated keys are found without comparing each with each") {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  CHECK(parse(text).diagnostics.empty());
  CHECK(parse(text + "k7: 2\n").diagnostics.size() == 1);
}

TEST_CASE("a file that cannot be read is a mistake without a line") {
  const test::TemporaryDirectory directory;
  Diagnostics diagnostics;
  const std::string missing = (directory.path() / "missing.yaml").string();
  CHECK(yaml::load(missing, diagnostics).file == missing);
  REQUIRE(diagnostics.size() == 1);
  CHECK(diagnostics.items()[0].position.to_string() == missing);
  CHECK(diagnostics.items()[0].message == "cannot be opened: No such file or directory");

  Diagnostics of_directory;
  (void)yaml::load(directory.path().string(), of_directory);
  REQUIRE(of_directory.size() == 1);
  CHECK(of_directory.items()[0].message == "cannot be read: Is a directory");

  Diagnostics none;
  CHECK(yaml::load(directory.write("ok.yaml", "a: 1\n"), none).root.find("a")->scalar == "1");
  CHECK(none.empty());
}

TEST_CASE("mistakes of several files are rendered with the lines of each") {
  Diagnostics diagnostics;
  const yaml::Document a = yaml::parse("a.yaml", "x: *y\n", diagnostics);
  const yaml::Document b = yaml::parse("b.yaml", "one: 1\ntwo: !t 2\n", diagnostics);
  CHECK(yaml::render(diagnostics, {&a, nullptr, &b}) ==
        "a.yaml:1:4: aliases are not allowed; write the value out\nx: *y\n   ^\n"
        "b.yaml:2:6: tags are not allowed\ntwo: !t 2\n     ^\n");
}
