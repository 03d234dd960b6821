// The bounds of a head count every byte of the message, and each byte is looked at once, whatever the
// segmentation.

#include <doctest/doctest.h>
#include <string>

#include "proxy/request_line.hpp"
#include "tests/proxy/head_verdicts.hpp"

using namespace postern;
using namespace postern::test;

namespace {

using Read = std::string (*)(std::string_view, const Cuts&);

/// Long heads are cut in three ways, not at every position.
std::string verdict(const std::string& bytes, Read read) {
  const std::string whole = read(bytes, {bytes.size()});
  CHECK(read(bytes, byte_by_byte(bytes.size())) == whole);
  CHECK(read(bytes, after_each_line(bytes)) == whole);
  return whole.substr(0, 40);
}
std::string request(const std::string& bytes) {
  return verdict(bytes, read_head<RequestReader, RequestHead>);
}
std::string response(const std::string& bytes) {
  return verdict(bytes, read_head<ResponseReader, ResponseHead>);
}

std::string repeated(std::string_view line, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += line;
  return text;
}

/// A head of exactly `size` bytes.
std::string padded(std::string head, std::size_t size) {
  head += "P: ";
  return head + std::string(size - head.size() - 4, 'p') + "\r\n\r\n";
}

const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n";
const std::string ok = "HTTP/1.1 200 OK\r\n";

}  // namespace

TEST_CASE("request head row 11: a target beyond its bound is 414, complete or not") {
  const auto line = [](std::size_t target) { return "GET /" + std::string(target - 1, 'a'); };
  const std::string rest = " HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK(request(line(limits::target_bytes_max) + rest).starts_with("method=GET"));
  CHECK(request(line(limits::target_bytes_max + 1) + rest) == "refused: target_too_long");
  CHECK(request(line(70'000) + rest) == "refused: target_too_long");
  CHECK(request(line(70'000)) == "refused: target_too_long");
  CHECK(request("\r\n" + line(70'000)) == "refused: target_too_long");
  CHECK(request(std::string(70'000, 'G')) == "refused: bad_method");
  CHECK(request(std::string(limits::method_bytes_max, 'G') + " " + std::string(70'000, '/')) ==
        "refused: target_too_long");
  CHECK(request(std::string(limits::method_bytes_max + 1, 'G') + " " + std::string(70'000, '/')) ==
        "refused: bad_method");
  CHECK(status_of(HeadError::target_too_long) == 414);
}

TEST_CASE("request head row 11: a head beyond its bound is 431, with or without its line ends") {
  CHECK(request(padded(get, limits::head_bytes_max)).starts_with("method=GET"));
  CHECK(request(padded("\r\n" + get, limits::head_bytes_max)).starts_with("method=GET"));
  CHECK(request(padded(get, limits::head_bytes_max + 1)) == "refused: head_too_long");
  CHECK(request(padded("\r\n" + get, limits::head_bytes_max + 1)) == "refused: head_too_long");
  CHECK(request(padded(get, 70'000)) == "refused: head_too_long");
  CHECK(request(get + "X: " + std::string(70'000, 'a')) == "refused: head_too_long");
  CHECK(request(get + repeated("X: " + std::string(300, 'a') + "\r\n", 99)) == "refused: head_too_long");
  CHECK(status_of(HeadError::head_too_long) == 431);
}

TEST_CASE("request head row 11: more fields than the bound are 431") {
  CHECK(request(get + repeated("a:b\r\n", limits::fields_max - 1) + "\r\n").starts_with("method=GET"));
  CHECK(request(get + repeated("a:b\r\n", limits::fields_max) + "\r\n") == "refused: too_many_fields");
  CHECK(request(get + repeated("a:b\r\n", 199) + "\r\n") == "refused: too_many_fields");
  CHECK(status_of(HeadError::too_many_fields) == 431);
}

TEST_CASE("request head row 11: a mistake before the bound is told before it") {
  CHECK(request(get + "X : a\r\nX: " + std::string(70'000, 'a')) == "refused: bad_field_name");
}

TEST_CASE("response head row 10: bounds count over all bytes") {
  CHECK(response(padded(ok, limits::head_bytes_max)).starts_with("status=200"));
  CHECK(response(padded(ok, limits::head_bytes_max + 1)) == "refused: head_too_long");
  CHECK(response(ok + "X: " + std::string(300'000, 'a')) == "refused: head_too_long");
  CHECK(response("HTTP/1.1 200 " + std::string(70'000, 'O')) == "refused: head_too_long");
  CHECK(response(ok + repeated("a:b\r\n", limits::fields_max + 1)) == "refused: too_many_fields");
}

TEST_CASE("a limit is known at the byte that passes it, before any line end") {
  RequestHead head;
  const std::string line = "GET /" + std::string(request_line_bytes_max, 'a');
  RequestReader line_reader;
  CHECK(line_reader.feed(std::string_view(line).substr(0, request_line_bytes_max - 1), head) ==
        HeadStatus::incomplete);
  CHECK(line_reader.feed(std::string_view(line).substr(0, request_line_bytes_max), head) ==
        HeadStatus::refused);

  RequestReader reader;
  const std::string bytes = get + "X: " + std::string(limits::head_bytes_max, 'a');
  CHECK(reader.feed(std::string_view(bytes).substr(0, limits::head_bytes_max - 1), head) ==
        HeadStatus::incomplete);
  CHECK(reader.feed(std::string_view(bytes).substr(0, limits::head_bytes_max), head) == HeadStatus::refused);
}

TEST_CASE("the bytes after a head belong to its body and to the next message") {
  const std::string first =
      "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
  const std::string second = "\r\nGET /2 HTTP/1.0\r\n\r\n";
  const std::string bytes = first + "hello" + second;
  RequestReader reader;
  RequestHead head;
  REQUIRE(reader.feed(bytes, head) == HeadStatus::complete);
  CHECK(head.size == first.size());
  reader.reset();
  const std::string_view rest = std::string_view(bytes).substr(head.size + head.content_length);
  REQUIRE(reader.feed(rest, head) == HeadStatus::complete);
  // Nothing of the first message is left in the head: no host, no length, no field.
  CHECK(describe(head, rest.data()) == "method=GET target=/2 form=0 path=/2 HTTP/1.0 size=21 framing=0/0");
}

TEST_CASE("an answer after an interim one starts afresh") {
  const std::string bytes = "HTTP/1.1 103 Early\r\nDate: x\r\nConnection: close\r\n\r\nHTTP/1.0 200\r\n\r\n";
  ResponseReader reader;
  ResponseHead head;
  REQUIRE(reader.feed(bytes, head) == HeadStatus::complete);
  CHECK(head.has_date);
  reader.reset();
  const std::string_view rest = std::string_view(bytes).substr(head.size);
  REQUIRE(reader.feed(rest, head) == HeadStatus::complete);
  CHECK(describe(head, rest.data()) == "status=200 reason= HTTP/1.0 size=16 framing=3/0");
}

TEST_CASE("a refusal stays a refusal") {
  RequestReader reader;
  RequestHead head;
  REQUIRE(reader.feed("GET /\r\n", head) == HeadStatus::refused);
  CHECK(reader.feed("GET /\r\n" + get + "\r\n", head) == HeadStatus::refused);
  CHECK(reader.error() == HeadError::bad_request_line);
}

TEST_CASE("every byte is searched once, also when a line comes byte by byte") {
  const std::string bytes(limits::head_bytes_max - 1, 'a');
  LineScanner lines;
  Line line;
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    REQUIRE(lines.next(std::string_view(bytes).substr(0, size), limits::head_bytes_max, line) ==
            LineScanner::Found::nothing);
    REQUIRE(lines.searched() == size);
  }
}

TEST_CASE("a searched byte is not looked at again before its line is complete, a line that was read never") {
  // Spoils what was already searched or read: had the reader looked again, it would have found line ends and
  // NULs.
  std::string bytes = get + repeated("Name: value\r\n", 20) + "\r\n";
  const std::string original = bytes;
  RequestReader reader;
  RequestHead head;
  std::size_t line_begin = 0;
  HeadStatus status = HeadStatus::incomplete;
  for (std::size_t size = 1; size <= bytes.size() && status == HeadStatus::incomplete; ++size) {
    const bool line_ends = original[size - 1] == '\n';
    if (line_ends) bytes.replace(line_begin, size - line_begin, original, line_begin, size - line_begin);
    status = reader.feed(std::string_view(bytes).substr(0, size), head);
    if (line_ends) {
      for (; line_begin < size; ++line_begin) bytes[line_begin] = '\0';
    } else {
      bytes[size - 1] = '\n';
    }
  }
  CHECK(status == HeadStatus::complete);
  CHECK(head.field_count == 21);
}
