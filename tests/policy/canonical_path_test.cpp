// security.md, "Target and host": every bullet by name. The left side is what a client sends.

#include <doctest/doctest.h>
#include <random>
#include <string>
#include <vector>

#include "policy/target.hpp"

namespace postern::policy {
namespace {

using namespace std::string_literals;

struct Outcome {
  TargetError error = TargetError::none;
  std::string text;
  std::vector<std::string> segments;
};

Outcome canonical(std::string_view raw, EncodedSlash slash = EncodedSlash::refuse) {
  std::string buffer(raw.size(), '\0');
  CanonicalPath path;
  Outcome outcome;
  outcome.error = canonical_path(raw, buffer, path, slash);
  outcome.text = path.text;
  for (std::size_t i = 0; i < path.segment_count; ++i) outcome.segments.emplace_back(path.segment(i));
  return outcome;
}

void check_refused(TargetError error, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    CAPTURE(path);
    const Outcome outcome = canonical(path);
    CHECK(to_string(outcome.error) == to_string(error));
    CHECK(outcome.text.empty());
    CHECK(outcome.segments.empty());
  }
}

void check_canonical(const std::vector<std::pair<std::string, std::string>>& rows) {
  for (const auto& row : rows) {
    CAPTURE(row.first);
    const Outcome outcome = canonical(row.first);
    CHECK(to_string(outcome.error) == "none");
    CHECK(outcome.text == row.second);
    // Idempotent: what we forward is what the next reader would make of it.
    CHECK(canonical(outcome.text).text == row.second);
  }
}

TEST_CASE("a plain path is its own canonical form") {
  check_canonical({
      {"/", "/"},
      {"/health", "/health"},
      {"/api/v1/orders", "/api/v1/orders"},
      {"/A/b/C", "/A/b/C"},
      {"/.well-known/x", "/.well-known/x"},
      {"/a.b/..c/...d", "/a.b/..c/...d"},
      {"/a!$&'()*+,=:@b", "/a!$&'()*+,=:@b"},
      {"/~user/-/_", "/~user/-/_"},
  });
}

TEST_CASE("segments are what stands between slashes") {
  CHECK(canonical("/").segments == std::vector<std::string>{""});
  CHECK(canonical("/a").segments == std::vector<std::string>{"a"});
  CHECK(canonical("/a/bc").segments == std::vector<std::string>{"a", "bc"});
  CHECK(canonical("/%61/%c3%a9").segments == std::vector<std::string>{"a", "%C3%A9"});
}

TEST_CASE("a trailing slash is a different path: an empty last segment") {
  CHECK(canonical("/a/").text == "/a/");
  CHECK(canonical("/a/").segments == std::vector<std::string>{"a", ""});
}

TEST_CASE("escapes of unreserved characters are decoded, other escapes are written in upper case") {
  check_canonical({
      {"/%41%7a%30%2d%5f%7e", "/Az0-_~"},
      {"/a%2Eb", "/a.b"},
      {"/caf%c3%a9", "/caf%C3%A9"},
      {"/a%20b", "/a%20b"},
      {"/a%3ab%40c", "/a%3Ab%40c"},
      {"/a%2bb", "/a%2Bb"},
      {"/what%3f%23", "/what%3F%23"},
      {"/%7b%7D", "/%7B%7D"},
      {"/%f0%9f%98%80", "/%F0%9F%98%80"},
  });
}

TEST_CASE("case matters") {
  CHECK(canonical("/Admin").text == "/Admin");
  CHECK(canonical("/%41dmin").text == "/Admin");
}

TEST_CASE("everything is decoded exactly once") {
  check_canonical({
      {"/100%25", "/100%25"},
      {"/50%25off", "/50%25off"},
      {"/%25/a", "/%25/a"},
      {"/a%25zz", "/a%25zz"},
  });
}

TEST_CASE("dot segments are refused in any spelling") {
  check_refused(TargetError::dot_segment, {"/.", "/..", "/./", "/../", "/a/../b", "/a/./b", "/a/..", "/%2e",
                                           "/%2E%2e", "/.%2e", "/%2e.", "/a/%2e%2e/b", "/%2E"});
}

TEST_CASE("an escaped slash or backslash, and a raw backslash, are refused") {
  check_refused(TargetError::encoded_slash,
                {"/a%2fb", "/a%2Fb", "/%2f", "/a%5cb", "/a%5Cb", "/a\\b", "/..%2f", "/..\\a", "/\\"});
}

TEST_CASE("control characters are refused, escaped and raw") {
  check_refused(TargetError::encoded_control, {"/%00", "/a%00.png", "/a%0d%0aX: y", "/%1f", "/%7f", "/%7F",
                                               "/%09", "/%c2%80", "/%c2%9b", "/a%C2%85"});
  check_refused(TargetError::bad_byte, {"/a\rb", "/a\nb", "/a\tb", "/a\x7f", "/\x01", "/a\0b"s, "/\0"s});
}

TEST_CASE("an empty segment is refused, wherever it stands") {
  check_refused(TargetError::empty_segment, {"//", "//a", "/a//b", "/a//", "//host/path", "/a///b"});
}

TEST_CASE("path parameters are refused, escaped too") {
  check_refused(TargetError::parameter,
                {"/a;b", "/a;jsessionid=1", "/..;/", "/.;/", "/;", "/a%3bb", "/..%3B/", "/a/;/b"});
}

TEST_CASE("an escaped percent before two hex digits would decode again and is refused") {
  check_refused(TargetError::double_escape,
                {"/%252f", "/%252e%252e/", "/%2500", "/%255c", "/%253b", "/a%25%32%66", "/%25%32f",
                 "/%252%66", "/%2541", "/%2525", "/%25252f", "/a%2525b", "/%25ff"});
}

TEST_CASE("escapes that are no valid UTF-8 are refused") {
  check_refused(TargetError::bad_utf8,
                {
                    "/%c0%af",         // overlong '/'
                    "/%c0%ae%c0%ae/",  // overlong '..'
                    "/%e0%80%af",      // overlong in three bytes
                    "/%f0%80%80%af",   // and in four
                    "/%c1%bf",         // overlong DEL
                    "/%ed%a0%80",      // a surrogate
                    "/%ed%bf%bf",      // the last one
                    "/%f4%90%80%80",   // beyond U+10FFFF
                    "/%f5%80%80%80",   // no lead byte
                    "/%ff",            //
                    "/%80",            // a continuation without a lead
                    "/%c3",            // truncated
                    "/%c3/%a9",        // a slash inside a character
                    "/%c3a",           // a letter inside a character
                    "/%c3%41",         //
                    "/%e2%82",         // truncated
                    "/%f0%9f%98",      //
                    "/%e2%28%a1",      //
                    "/a%fe%ff",        //
                });
  check_canonical({
      {"/%c2%a0x", "/%C2%A0x"},
      {"/%e0%a0%80", "/%E0%A0%80"},
      {"/%ed%9f%bf", "/%ED%9F%BF"},
      {"/%ee%80%80", "/%EE%80%80"},
      {"/%f0%90%80%80", "/%F0%90%80%80"},
      {"/%f4%8f%bf%bf", "/%F4%8F%BF%BF"},
  });
}

TEST_CASE("raw bytes from 0x80 are refused") {
  check_refused(TargetError::bad_byte, {"/\xc3\xa9", "/\x80", "/a\xff"});
}

TEST_CASE("segments that end in a dot or a space are refused") {
  check_refused(TargetError::segment_end, {"/a.", "/a./b", "/...", "/a%2e", "/a%20", "/a%20/b", "/..%20",
                                           "/.%20/", "/%20", "/a/b.../c"});
}

TEST_CASE("a literal '#' is refused") {
  check_refused(TargetError::fragment, {"/a#b", "/#", "/a/#/b"});
}

TEST_CASE("incomplete escapes are refused") {
  check_refused(TargetError::bad_escape, {"/%", "/%2", "/a%", "/%zz", "/%2g", "/%g2", "/%u002f", "/% 20",
                                          "/%2/a", "/%%32%66", "/%+1"});
}

TEST_CASE("delimiters that no path may hold are refused") {
  for (const char byte : std::string(" \"<>?[]^`{|}"))
    check_refused(TargetError::bad_byte, {std::string("/a") + byte});
}

TEST_CASE("only what starts with a slash is a path") {
  check_refused(TargetError::empty, {""});
  check_refused(TargetError::bad_byte, {"a", "*", "h:80", "http://h/", "%2fa", " /"});
}

TEST_CASE("every raw byte is either kept or refused, never changed") {
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    const std::string path = {'/', 'a', static_cast<char>(byte), 'b'};
    const Outcome outcome = canonical(path);
    if (outcome.error == TargetError::none) CHECK(outcome.text == path);
    const bool allowed = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                         (byte >= 'A' && byte <= 'Z') ||
                         std::string("-._~!$&'()*+,=:@/").find(static_cast<char>(byte)) != std::string::npos;
    CHECK((outcome.error == TargetError::none) == allowed);
  }
}

TEST_CASE("more segments than the limit are refused") {
  std::string path;
  for (std::size_t i = 0; i < limits::path_segments_max; ++i) path += "/a";
  CHECK(canonical(path).segments.size() == limits::path_segments_max);
  check_refused(TargetError::too_deep, {path + "/a", path + "/"});
}

TEST_CASE("a path that does not fit the buffer is refused") {
  char small[4];
  CanonicalPath path;
  CHECK(canonical_path("/abc", small, path) == TargetError::none);
  CHECK(canonical_path("/abcd", small, path) == TargetError::too_long);
  CHECK(path.text.empty());
  check_refused(TargetError::too_long, {"/" + std::string(70'000, 'a')});
}

TEST_CASE(
    "whatever is accepted is canonical already, has no structure left to decode, and keeps its length "
    "bound") {
  static constexpr std::string_view pieces[] = {
      "/", "a",   "..",  ".", "%2e", "%2E", "%41", "%25", "%2f", "%5c", "%c3", "%a9", "%e2", "%82", "%ac",
      ";", "%3b", "%20", "%", "4",   "1",   "2",   "F",   "\\",  "#",   "?",   ":",   "@",   "%40", "%00"};
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::size_t> piece(0, std::size(pieces) - 1);
  std::uniform_int_distribution<int> length(0, 8);
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string raw = "/";
    for (int n = length(random); n > 0; --n) raw += pieces[piece(random)];
    const Outcome once = canonical(raw);
    if (once.error != TargetError::none) continue;
    ++accepted;
    CAPTURE(raw);
    const Outcome twice = canonical(once.text);
    REQUIRE(twice.error == TargetError::none);
    REQUIRE(twice.text == once.text);
    REQUIRE(once.text.size() <= raw.size());
    for (const std::string& segment : once.segments) {
      std::string decoded(segment.size(), '\0');
      decoded.resize(decode_segment(segment, decoded).size());
      REQUIRE(decoded != ".");
      REQUIRE(decoded != "..");
      REQUIRE(decoded.find_first_of("/\\;"s + '\0') == std::string::npos);
      REQUIRE((decoded.empty() || (decoded.back() != '.' && decoded.back() != ' ')));
    }
  }
  CHECK(accepted > 1000);
}

TEST_CASE("an escaped slash that is kept is data of its segment, in upper case") {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"/a%2fb", "/a%2Fb"},
      {"/a%2Fb/c", "/a%2Fb/c"},
      {"/group%2Fsub%2Fproject/files/%41%2F%c3%a9", "/group%2Fsub%2Fproject/files/A%2F%C3%A9"},
      {"/a%2F..b", "/a%2F..b"},
      {"/a/b", "/a/b"},
  };
  for (const auto& [raw, expected] : rows) {
    CAPTURE(raw);
    const Outcome outcome = canonical(raw, EncodedSlash::keep);
    CHECK(to_string(outcome.error) == "none");
    CHECK(outcome.text == expected);
    CHECK(canonical(outcome.text, EncodedSlash::keep).text == expected);
  }
  CHECK(canonical("/a%2Fb/c", EncodedSlash::keep).segments == std::vector<std::string>{"a%2Fb", "c"});
}

TEST_CASE("what stands between escaped slashes is held to what segments are held to") {
  const std::vector<std::pair<std::string, TargetError>> rows = {
      {"/a%2F..%2Fb", TargetError::dot_segment}, {"/..%2Fb", TargetError::dot_segment},
      {"/a%2F..", TargetError::dot_segment},     {"/a%2F%2e%2e", TargetError::dot_segment},
      {"/a%2F.%2Fb", TargetError::dot_segment},  {"/a%2F%2Fb", TargetError::empty_segment},
      {"/%2Fa", TargetError::empty_segment},     {"/a%2F", TargetError::empty_segment},
      {"/%2F", TargetError::empty_segment},      {"/a.%2Fb", TargetError::segment_end},
      {"/a%20%2Fb", TargetError::segment_end},   {"/a%2Fb.", TargetError::segment_end},
      {"/a%5Cb", TargetError::encoded_slash},    {"/a%2F\\b", TargetError::encoded_slash},
      {"/a%252Fb", TargetError::double_escape},  {"/a%2F%2541", TargetError::double_escape},
      {"/a%2F;b", TargetError::parameter},       {"/a%2F%00", TargetError::encoded_control},
      {"/%C3%2F%A9", TargetError::bad_utf8},     {"/a%2", TargetError::bad_escape},
      {"/a%2F//b", TargetError::empty_segment},
  };
  for (const auto& [raw, error] : rows) {
    CAPTURE(raw);
    CHECK(to_string(canonical(raw, EncodedSlash::keep).error) == to_string(error));
  }
}

TEST_CASE("with escaped slashes kept, what is accepted is canonical with them read as slashes, too") {
  static constexpr std::string_view pieces[] = {"/",   "a",   "..", ".",   "%2f", "%2F", "%41", "%25", "%5c",
                                                "%2e", "%20", "2F", "%c3", "%a9", ";",   "b",   "%2F", "%2f"};
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string raw = "/a";
    for (std::size_t n = random() % 8; n > 0; --n) raw += pieces[random() % std::size(pieces)];
    const Outcome kept = canonical(raw, EncodedSlash::keep);
    CAPTURE(raw);
    if (canonical(raw).error == TargetError::none) {
      REQUIRE(kept.text == canonical(raw).text);
      continue;
    }
    if (kept.error != TargetError::none) continue;
    ++accepted;
    REQUIRE(canonical(raw).error == TargetError::encoded_slash);
    REQUIRE(canonical(kept.text, EncodedSlash::keep).text == kept.text);
    std::string as_slashes = kept.text;
    for (std::size_t at = 0; (at = as_slashes.find("%2F")) != std::string::npos;)
      as_slashes.replace(at, 3, "/");
    REQUIRE(canonical(as_slashes).text == as_slashes);
    for (const std::string& segment : kept.segments) {
      std::string decoded(segment.size(), '\0');
      decoded.resize(decode_segment(segment, decoded).size());
      REQUIRE(decoded.find('/') == std::string::npos);
    }
  }
  CHECK(accepted > 1000);
}

TEST_CASE("a segment is decoded once, for comparing template variables") {
  const auto decoded = [](std::string_view segment) {
    std::string out(segment.size(), '\0');
    return std::string(decode_segment(segment, out));
  };
  CHECK(decoded("42") == "42");
  CHECK(decoded("a%20b") == "a b");
  CHECK(decoded("%C3%A9") == "\xc3\xa9");
  CHECK(decoded("100%25") == "100%");
  CHECK(decoded("group%2Fproject%40x") == "group%2Fproject@x");
  CHECK(decoded("") == "");
  char two[2];
  CHECK(decode_segment("abc", two) == "ab");
}

TEST_CASE("a query may hold what browsers send raw, and nothing that ends or splits a line") {
  for (int byte = 0; byte < 256; ++byte) {
    CAPTURE(byte);
    const std::string query = {'a', '=', static_cast<char>(byte)};
    const bool clean = byte > 0x20 && byte < 0x7F && byte != '"' && byte != '<' && byte != '>' && byte != '#';
    CHECK(query_is_clean(query) == clean);
  }
  CHECK(query_is_clean(""));
  CHECK(query_is_clean("a=%zz&b={x}|[y]^`\\"));
}

}  // namespace
}  // namespace postern::policy
