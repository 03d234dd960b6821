// JSON strings that can always be read back.

#include "proxy/json.hpp"

#include <array>
#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <string>

using namespace postern;

namespace {

std::string quoted(std::string_view text) {
  std::array<char, 4096> bytes;
  TextWriter out(bytes);
  put_json_string(out, text);
  REQUIRE(!out.overflowed());
  return std::string(out.view());
}

}  // namespace

TEST_CASE("text is quoted, and only what needs it is escaped") {
  struct Row {
    std::string text, json;
  };
  const std::string bad = "\xEF\xBF\xBD";
  const Row rows[] = {
      {"", "\"\""},
      {"/a/b", "\"/a/b\""},
      {"a\"b\\c", R"("a\"b\\c")"},
      {"\"", R"("\"")"},
      {std::string("\0\n\x1f\x7f", 4), R"("\u0000\u000a\u001f\u007f")"},
      {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91", "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x91\""},
      {"\xff", "\"" + bad + "\""},
      {"a\xc3", "\"a" + bad + "\""},          // cut
      {"\xc3(", "\"" + bad + "(\""},          // no continuation
      {"\xc0\xaf", "\"" + bad + bad + "\""},  // overlong '/'
      {"\xe0\x80\xaf", "\"" + bad + bad + bad + "\""},
      {"\xed\xa0\x80", "\"" + bad + bad + bad + "\""},            // a surrogate
      {"\xf4\x90\x80\x80", "\"" + bad + bad + bad + bad + "\""},  // beyond U+10FFFF
      {"\xf0\x8f\xbf\xbf", "\"" + bad + bad + bad + bad + "\""},
      {"\xf5\x80\x80\x80", "\"" + bad + bad + bad + bad + "\""},
      {"\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\""},  // the neighbours of the surrogates
      {"\x80y", "\"" + bad + "y\""},
      {"x\xe2\x82", "\"x" + bad + bad + "\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json);
    CHECK(quoted(row.text) == row.json);
  }
}

TEST_CASE("every pair of bytes becomes a string that a JSON parser reads") {
  boost::system::error_code error;
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      const std::string json = quoted(text);
      const boost::json::value value = boost::json::parse(json, error);
      if (error || !value.is_string()) FAIL(first << " " << second << ": " << json);
      if (first < 0x80 && second < 0x80 && value.as_string() != boost::json::string_view(text)) FAIL(json);
    }
}
