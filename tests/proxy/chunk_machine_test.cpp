// The chunk machine, row by row of the grammar, whatever the segmentation.

#include "proxy/chunk_machine.hpp"

#include <array>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

#include "conf/limits.hpp"
#include "tests/proxy/segments.hpp"

using namespace postern;
using namespace postern::test;
using namespace std::string_literals;

namespace {

/// Reads a body and tells everything that may be known of it. Each segment is a buffer of its own, exactly as
/// large.
std::string read_body(std::string_view bytes, const Cuts& cuts) {
  ChunkMachine machine;
  std::array<char, limits::trailer_bytes_max> trailers;
  machine.keep_trailers(trailers.data());
  std::string body;
  std::size_t consumed = 0;
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    const std::vector<char> segment(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                                    bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    std::string_view input(segment.data(), segment.size());
    begin = cut;
    for (;;) {
      const ChunkMachine::Step step = machine.step(input);
      consumed += step.consumed;
      input.remove_prefix(step.consumed);
      body += step.data;
      if (step.status == ChunkStatus::data) {
        CHECK_FALSE(step.data.empty());
        continue;
      }
      if (step.status == ChunkStatus::need_more) break;
      CHECK(machine.complete() == (step.status == ChunkStatus::complete));
      return (step.status == ChunkStatus::complete ? "complete" : "refused") +
             (" at " + std::to_string(consumed)) + ": " + body + " | " + std::string(machine.trailers());
    }
    CHECK(input.empty());
  }
  return "need_more: " + body + " | " + std::string(machine.trailers());
}

std::string verdict(std::string_view bytes) {
  return same_however_cut(bytes, read_body);
}

/// A whole body is read to its last byte, and the byte after it is left alone.
void accepts(const std::string& bytes, const std::string& body, const std::string& trailers = "") {
  INFO(printable(bytes));
  CHECK(verdict(bytes + "G") ==
        "complete at " + std::to_string(bytes.size()) + ": " + body + " | " + trailers);
}

void refuses(const std::string& bytes) {
  INFO(printable(bytes));
  CHECK(verdict(bytes).starts_with("refused at "));
}

/// One chunk with `line` after its size `5`, and the end.
std::string with_extension(const std::string& line) {
  return "5" + line + "\r\nhello\r\n0\r\n\r\n";
}
std::string with_trailers(const std::string& lines) {
  return "5\r\nhello\r\n0\r\n" + lines + "\r\n";
}

/// For bodies too long to cut at every position.
std::string long_verdict(const std::string& bytes) {
  const std::string whole = read_body(bytes, {bytes.size()});
  CHECK(read_body(bytes, byte_by_byte(bytes.size())) == whole);
  CHECK(read_body(bytes, after_each_line(bytes)) == whole);
  return whole.substr(0, whole.find(' '));
}

}  // namespace

TEST_SUITE("chunked body") {
  TEST_CASE("data comes as pieces of the input, and the end is exact") {
    accepts("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
    accepts("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789");
    accepts("0\r\n\r\n", "");
    accepts("2\r\n\r\n\r\n0\r\n\r\n", "\r\n");

    const std::string bytes = "5\r\nhello\r\n0\r\n\r\nGET ";
    ChunkMachine machine;
    const ChunkMachine::Step first = machine.step(bytes);
    CHECK(first.status == ChunkStatus::data);
    CHECK(first.data.data() == bytes.data() + 3);
    CHECK(first.consumed == 8);
    const ChunkMachine::Step last = machine.step(std::string_view(bytes).substr(8));
    CHECK(last.status == ChunkStatus::complete);
    CHECK(last.consumed == bytes.size() - 8 - 4);
    CHECK(machine.complete());
    CHECK(machine.step("GET ").status == ChunkStatus::complete);
    CHECK(machine.step("GET ").consumed == 0);
  }

  TEST_CASE("a refusal stays a refusal") {
    ChunkMachine machine;
    CHECK(machine.step("x").status == ChunkStatus::refused);
    CHECK(machine.step("0\r\n\r\n").status == ChunkStatus::refused);
    CHECK_FALSE(machine.complete());
  }

  TEST_CASE("row 1: a size is 1 to 16 hex digits and at most 2^63-1") {
    for (const std::string& size :
         Examples{" 5", "\t5", "0x5", "+5", "-5", "", "g", "5g", "10000000000000005", "FFFFFFFFFFFFFFFE",
                  "8000000000000000", "00000000000000005", "\xb5", "5_0", "5.0", "5,0"})
      refuses(size + "\r\nhello\r\n0\r\n\r\n");
    CHECK(verdict("7FFFFFFFFFFFFFFF\r\nx") == "need_more: x | ");
    CHECK(verdict("7fffffffffffffff\r\nx") == "need_more: x | ");
    accepts("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello");
  }

  TEST_CASE("row 2: leading zeros are fine") {
    accepts("0005\r\nhello\r\n000\r\n\r\n", "hello");
    accepts("0000000000000000\r\n\r\n", "");
  }

  TEST_CASE("row 3: after the size only CRLF, ';', or blanks before ';'") {
    for (const std::string& line : Examples{" ", "\t", "\0"s, "\r", " x", "\x0b", ":", ",", " \t"})
      refuses(with_extension(line));
    refuses("5\nhello\r\n0\r\n\r\n");
    refuses("5\r\r\nhello\r\n0\r\n\r\n");
    refuses("5\rhello\r\n0\r\n\r\n");
    accepts(with_extension(" ; a = b"), "hello");
    accepts(with_extension("\t;\ta\t=\tb"), "hello");
    accepts(with_extension(" \t ;a"), "hello");
  }

  TEST_CASE("row 4: an extension is a token, perhaps '=' and a token or quoted string") {
    for (const std::string& line :
         Examples{";", ";a=", ";a=;x", ";=a", ";;a", ";a;", ";a=b;", ";a=b c", ";a b", ";a ", ";a=b ",
                  ";a=b=c", ";a(=b", ";a=b,c", ";\xe9", ";a=\xe9", ";a=b\0"s, "; ", ";a= "})
      refuses(with_extension(line));
    for (const std::string& line :
         Examples{";a", ";a=b", ";a;b", ";a=b;c=d", "; a", "; a ;b", ";a =b", ";a= b", ";a=\"b\" ; c"})
      accepts(with_extension(line), "hello");
    accepts("5\r\nhello\r\n0;a=b\r\n\r\n", "hello");
    refuses("5\r\nhello\r\n0;\r\n\r\n");
    refuses("5;a\nhello\r\n0\r\n\r\n");
    refuses("5;a\rhello\r\n0\r\n\r\n");
  }

  TEST_CASE("row 5: a quoted string holds no control byte but HTAB and closes in its line") {
    for (const std::string& value :
         Examples{"\"\n\"", "\"\0\""s, "\"\x01\x7f\"", "\"x", "\"x\r\n\"", "\"\\\n\"", "\"\\\0\""s, "\"\\\"",
                  "\"\x7f\"", "\"\\\x7f\"", "\"x\"y", "\"x\"\"y\"", "'x y'", "\"x\r\""})
      refuses(with_extension(";a=" + value));
    refuses("0;a=\"\x01\x7f\"\r\n\r\n");
    for (const std::string& value : Examples{"\"\"", "\"x y\"", "\"\t\"", "\"\\\"\"", "\"\\\\\"", "\";a=b\"",
                                             "\"\xe9\\\xe9\"", "\"0\\\t\""})
      accepts(with_extension(";a=" + value), "hello");
  }

  TEST_CASE("row 6: extensions are bounded by the line") {
    const auto line = [](std::size_t size) { return with_extension(";" + std::string(size - 1, 'a')); };
    CHECK(long_verdict(line(limits::chunk_extension_line_bytes_max)) == "complete");
    CHECK(long_verdict(line(limits::chunk_extension_line_bytes_max + 1)) == "refused");
    CHECK(long_verdict(line(200'000)) == "refused");
    CHECK(long_verdict("5;a=\"" + std::string(200'000, 'a')) == "refused");
    CHECK(long_verdict("5" + std::string(200'000, ' ')) == "refused");
  }

  TEST_CASE("row 6: extensions are bounded by the message, relative to its data") {
    const auto chunks = [](std::size_t count, std::size_t data, std::size_t extension) {
      const std::string chunk = [&] {
        std::string digits;
        for (std::size_t rest = data; rest != 0; rest /= 16)
          digits.insert(digits.begin(), "0123456789abcdef"[rest % 16]);
        return digits + ";" + std::string(extension - 1, 'e') + "\r\n" + std::string(data, 'd') + "\r\n";
      }();
      std::string bytes;
      for (std::size_t i = 0; i < count; ++i) bytes += chunk;
      return bytes + "0\r\n\r\n";
    };
    constexpr std::size_t budget = limits::chunk_extension_bytes_max;
    CHECK(long_verdict(chunks(budget / 1024, 1, 1024)) == "complete");
    CHECK(long_verdict(chunks(budget / 1024 + 1, 1, 1024)) == "refused");
    CHECK(long_verdict(chunks(2000, 256, 16)) ==
          "complete");  // a long upload with a small extension on every chunk
    CHECK(long_verdict(chunks(4000, 1, 16)) == "refused");
  }

  TEST_CASE("row 7: data is followed by exactly CRLF") {
    for (const std::string& end : Examples{"XX", "\n", "\r", "\rX", "", " \r\n", "\n\r"})
      refuses("5\r\nhello" + end + "0\r\n\r\n");
    refuses("5\r\nhello world\r\n0\r\n\r\n");
    refuses("5\r\nhell\r\n0\r\n\r\n");
  }

  TEST_CASE("row 8: trailer lines are field lines, bounded together") {
    for (const std::string& line : Examples{"abc", " A: b", "\tA: b", "A : b", ": b", "A: \0"s, "A: \x7f",
                                            "A: b\rC: d", "A\xe9: b", "A(: b"})
      refuses(with_trailers(line + "\r\n"));
    refuses(with_trailers("A: b\n"));
    refuses(with_trailers("A: b\r\n c\r\n"));
    accepts(with_trailers("A: b\r\nC:\r\n"), "hello", "A: b\r\nC:\r\n");
    accepts(with_trailers("A: caf\xe9\t\r\n"), "hello", "A: caf\xe9\t\r\n");

    const auto section = [](std::size_t size) {
      return with_trailers("A: " + std::string(size - 5, 'b') + "\r\n");
    };
    CHECK(long_verdict(section(limits::trailer_bytes_max)) == "complete");
    CHECK(long_verdict(section(limits::trailer_bytes_max + 1)) == "refused");
    std::string lines;
    while (lines.size() <= limits::trailer_bytes_max) lines += "A:b\r\n";
    CHECK(long_verdict(with_trailers(lines)) == "refused");
    CHECK(long_verdict("0\r\nA: " + std::string(200'000, 'b')) == "refused");
  }

  TEST_CASE("row 9: trailers go nowhere unless a place was given, and hold complete lines only") {
    const std::string bytes = with_trailers("Authorization: Bearer x\r\nHost: h\r\n");
    ChunkMachine machine;
    std::string_view input = bytes;
    for (ChunkMachine::Step step; (step = machine.step(input)).status == ChunkStatus::data;)
      input.remove_prefix(step.consumed);
    CHECK(machine.complete());
    CHECK(machine.trailers().empty());

    accepts(bytes, "hello", "Authorization: Bearer x\r\nHost: h\r\n");
    CHECK(verdict("0\r\nA: b\r\nC: d\r") == "need_more:  | A: b\r\n");
    CHECK(verdict("0\r\nA: b\r\nC : d\r\n").ends_with(" | A: b\r\n"));
  }

  TEST_CASE("row 10: the last CRLF is needed") {
    refuses("0\r\nGET / HTTP/1.1\r\n");
    refuses("0\r\nGET /a: HTTP/1.1\r\n");
    refuses("0\r\n\n");
    refuses("0\r\n\rX");
    refuses("0\n\n");
  }

  TEST_CASE("row 11: a body that stops before its end is never complete") {
    const std::string bytes = with_extension(" ; a = \"b\\\"\"; c") + "";
    const std::string whole = "5;a=\"b\"\r\nhello\r\n0;c\r\nA: b\r\n\r\n";
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK(verdict(std::string_view(whole).substr(0, size)).starts_with("need_more"));
    CHECK(verdict(whole).starts_with("complete"));
    CHECK(verdict(bytes).starts_with("complete"));
  }
}
