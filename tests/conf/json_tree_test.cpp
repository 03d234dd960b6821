#include "conf/json_tree.hpp"

#include <doctest/doctest.h>

using namespace postern;

namespace {

bool skip_nothing(std::size_t, std::string_view, std::string_view) noexcept {
  return false;
}
bool skip_examples(std::size_t depth, std::string_view within, std::string_view key) noexcept {
  return depth > 0 && within != "security" && key == "examples";
}

std::string shown(const yaml::Node& node) {
  std::string text;
  switch (node.kind) {
    case yaml::Kind::null:
      return "null";
    case yaml::Kind::scalar:
      return (node.quoted ? "'" : "") + node.scalar + (node.quoted ? "'" : "");
    case yaml::Kind::sequence:
      for (const yaml::Node& item : node.items) text += (text.empty() ? "" : ",") + shown(item);
      return '[' + text + ']';
    case yaml::Kind::mapping:
      for (const yaml::Entry& entry : node.entries)
        text += (text.empty() ? "" : ",") + entry.key + ':' + shown(entry.value);
      return '{' + text + '}';
  }
  return text;
}

/// The tree, or "line:column message" of the one mistake.
std::string read(std::string text, yaml::Skip skip = skip_nothing) {
  Diagnostics diagnostics;
  const yaml::Document document = yaml::parse_json("f.json", std::move(text), skip, diagnostics);
  if (diagnostics.empty()) return shown(document.root);
  CHECK(document.root.kind == yaml::Kind::null);
  CHECK(diagnostics.size() == 1);
  const Diagnostic& one = diagnostics.items().front();
  return std::to_string(one.position.line) + ':' + std::to_string(one.position.column) + ' ' + one.message;
}

TEST_CASE("JSON becomes the same tree as YAML does") {
  CHECK(read(R"( {"a": [1, -2.5e+3, true, null, "x"], "b": {}, "c": []} )") ==
        "{a:[1,-2.5e+3,true,null,'x'],b:{},c:[]}");
  CHECK(read(R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000")") ==
        std::string("'\"\\/\b\f\n\r\t\xC3\xA9\xF0\x9F\x98\x80") + '\0' + "'");
  CHECK(read("\xEF\xBB\xBF[0]") == "[0]");
}

TEST_CASE("parts of a JSON text have places") {
  Diagnostics diagnostics;
  const yaml::Document document =
      yaml::parse_json("f.json", "{\n  \"a\":\n    [7]}", skip_nothing, diagnostics);
  const yaml::Entry& entry = document.root.entries.at(0);
  CHECK(document.at(entry).to_string() == "f.json:2:3");
  CHECK(document.at(entry.value.items.at(0)).to_string() == "f.json:3:6");
}

TEST_CASE("what is no JSON is a mistake with a place") {
  CHECK(read("") == "1:1 the document ends too early");
  CHECK(read("{\"a\": 1") == "1:8 the document ends too early");
  CHECK(read("{\"a\": 1,}") == "1:9 a key in quotes was expected here");
  CHECK(read("[1,\n]") == "2:1 a value was expected here");
  CHECK(read("[1 2]") == "1:4 a ',' or a ']' was expected here");
  CHECK(read("{\"a\" 1}") == "1:6 a ':' was expected here");
  CHECK(read("[1] []") == "1:5 more follows the end of the document");
  for (const char* word : {"[01]", "[1.]", "[.5]", "[+1]", "[1e]", "[nul]", "[True]", "[-]"})
    CHECK(read(word) == "1:2 a value was expected here");
  CHECK(read("[\"a\tb\"]") == "1:4 a control character");
  CHECK(read("[\"\xC0\x80\"]") == "1:3 not valid UTF-8");
  CHECK(read(R"(["\x41"])") == "1:3 no escape of JSON");
  CHECK(read(R"(["\ud800"])") == "1:9 half of a surrogate pair");
  CHECK(read(R"(["\udc00x"])") == "1:9 half of a surrogate pair");
  CHECK(read("{\"a\": 1,\n \"b\": 2, \"a\": 3}") == "2:10 key \"a\" is given twice, first in line 1");
}

TEST_CASE("what is skipped is checked and not kept, and below security nothing is skipped") {
  CHECK(read(R"({"examples": 1, "a": {"examples": {"b": [{}]}, "c": 2}})", skip_examples) ==
        "{examples:1,a:{c:2}}");
  CHECK(read(R"({"security": [{"examples": []}]})", skip_examples) == "{security:[{examples:[]}]}");
  CHECK(read(R"({"a": {"examples": [1,]}})", skip_examples) == "1:23 a value was expected here");
}

TEST_CASE("nesting and size of a JSON text are bounded") {
  const std::string deep(yaml::json_depth_max, '[');
  CHECK(read(deep + std::string(yaml::json_depth_max, ']')).size() == 2 * yaml::json_depth_max);
  CHECK(read("[" + deep + std::string(yaml::json_depth_max + 1, ']')) != "");
  CHECK(read("[[" + deep).find("nested deeper than 256 levels") != std::string::npos);
  CHECK(read(std::string(yaml::json_bytes_max + 1, ' ')) == "0:0 larger than 64 MiB");
}

}  // namespace
