// The strict request head, row by row of the grammar: what is accepted, what is refused, and with which
// answer.

#include "proxy/head_reader.hpp"

#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <string_view>

#include "tests/proxy/head_verdicts.hpp"

using namespace postern;
using namespace postern::test;
using namespace std::string_literals;
using enum HeadError;

namespace {

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: h\r\n";

/// `get`, further lines, and the empty one.
std::string with(std::string_view lines) {
  return std::string(get) + std::string(lines) + "\r\n";
}

void refuses(int answer, HeadError error, const std::string& bytes) {
  INFO(printable(bytes));
  CHECK(request_verdict(bytes) == "refused: " + std::string(to_string(error)));
  CHECK(status_of(error) == answer);
}

/// Reads what must be accepted. The buffer is kept beside the head that points into it.
struct Accepted {
  std::string bytes;
  std::unique_ptr<RequestHead> head = std::make_unique<RequestHead>();
  [[nodiscard]] std::string_view text(Slice slice) const { return slice.of(bytes.data()); }
  [[nodiscard]] std::string_view value(std::size_t i) const { return text(head->fields[i].value); }
};

Accepted accepts(const std::string& bytes) {
  INFO(printable(bytes));
  Accepted accepted{bytes};
  RequestReader reader;
  const HeadStatus status = reader.feed(accepted.bytes, *accepted.head);
  CHECK(to_string(reader.error()) == "none");
  REQUIRE(status == HeadStatus::complete);
  CHECK(request_verdict(bytes) == describe(*accepted.head, accepted.bytes.data()));
  return accepted;
}

/// Every byte value once in place of `@`: accepted exactly when `allowed` holds it.
void sweep(std::string_view around, std::string_view allowed, const std::string& also = "") {
  const std::size_t at = around.find('@');
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(value);
    std::string bytes(around);
    bytes[at] = byte;
    const bool wanted = allowed.find(byte) != std::string_view::npos || also.find(byte) != std::string::npos;
    RequestHead head;
    RequestReader reader;
    CAPTURE(value);
    CHECK((reader.feed(bytes, head) == HeadStatus::complete) == wanted);
  }
}

const std::string alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const std::string high_bytes = [] {
  std::string bytes;
  for (int value = 0x80; value < 0x100; ++value) bytes += static_cast<char>(value);
  return bytes;
}();

}  // namespace

TEST_SUITE("request head") {
  TEST_CASE("a plain request is offsets into its buffer") {
    const Accepted got = accepts(
        "POST /a/b?c=d&e HTTP/1.1\r\nHost: example.com:8080\r\nContent-Length: 5\r\nX_y: 1\r\n\r\nhello");
    CHECK(got.text(got.head->method) == "POST");
    CHECK(got.text(got.head->target) == "/a/b?c=d&e");
    CHECK(got.text(got.head->path) == "/a/b");
    CHECK(got.text(got.head->query) == "c=d&e");
    CHECK(got.head->has_query);
    CHECK(got.head->form == TargetForm::origin);
    CHECK(got.text(got.head->host) == "example.com:8080");
    CHECK(got.head->framing == Framing::length);
    CHECK(got.head->content_length == 5);
    CHECK(got.head->size == got.bytes.size() - 5);
    REQUIRE(got.head->field_count == 3);
    CHECK(got.head->fields[0].known == FieldName::host);
    CHECK(got.head->fields[0].plain);
    CHECK(got.head->fields[2].known == FieldName::other);
    CHECK_FALSE(got.head->fields[2].plain);
  }

  TEST_CASE("row 1: one empty line before the request line is skipped and counted, a second is refused") {
    const Accepted got = accepts("\r\n" + with(""));
    CHECK(got.text(got.head->method) == "GET");
    CHECK(got.head->size == got.bytes.size());
    refuses(400, bad_request_line, "\r\n\r\n" + with(""));
    CHECK(request_verdict("\r\n") == "incomplete");
  }

  TEST_CASE("row 2: a bare LF ends no line") {
    refuses(400, bad_line_end, "GET / HTTP/1.1\nHost: h\n\n");
    refuses(400, bad_line_end, "\n" + with(""));
    refuses(400, bad_line_end, std::string(get) + "\n");
    refuses(400, bad_line_end, std::string(get) + "X: a\n\r\n");
    refuses(400, bad_line_end, "\r\n\n" + with(""));
  }

  TEST_CASE("row 3: a bare CR is refused anywhere") {
    refuses(400, bad_line_end, with("X: a\rY: b\r\n"));
    refuses(400, bad_line_end, with("X: a\r\r\n"));
    refuses(400, bad_line_end, with("X:\r\r\n"));
    refuses(400, bad_field_name, with("X\rY: b\r\n"));
    refuses(400, bad_method, "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n");
    refuses(400, bad_target, "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_field_name, std::string(get) + "\r\r\n");
  }

  TEST_CASE("row 4: the method is a token and not empty") {
    refuses(400, bad_method, "G(T / HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_method, "\0GET / HTTP/1.1\r\nHost: h\r\n\r\n"s);
    refuses(400, bad_method, " / HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_method, " GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_method, "\xefGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_method,
            "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n"s);  // a TLS client at the wrong door
    const std::string longest(limits::method_bytes_max, 'M');
    CHECK(accepts(longest + " / HTTP/1.1\r\nHost: h\r\n\r\n").head->method.size == limits::method_bytes_max);
    refuses(400, bad_method, longest + "M / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(accepts("get / HTTP/1.1\r\nHost: h\r\n\r\n").head->method.size == 3);
    sweep("G@T / HTTP/1.1\r\nHost: h\r\n\r\n", "!#$%&'*+-.^_`|~", alphanumeric);
  }

  TEST_CASE("row 5: exactly one space between the parts, no tab, nothing after the version") {
    refuses(400, bad_request_line, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_request_line, "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_request_line, "GET /\tHTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET /  HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/1.1\t\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / x HTTP/1.1\r\nHost: h\r\n\r\n");
  }

  TEST_CASE("row 6: an empty target and HTTP/0.9 are refused") {
    refuses(400, bad_request_line, "POST  HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_request_line, "POST HTTP/1.1\r\n\r\n");  // read as the target, and then nothing
    refuses(400, bad_request_line, "GET /\r\n\r\n");
    refuses(400, bad_request_line, "GET\r\n\r\n");
    refuses(400, bad_request_line, "GET \r\n\r\n");
    refuses(400, bad_version, "GET / \r\n\r\n");
  }

  TEST_CASE("row 7: the version is a literal; another well-formed one is 505") {
    refuses(400, bad_version, "GET / http/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/1.32\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/11.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/1\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/1.\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/1,1\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/+.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTPS/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_version, "GET / HTTP/1.\xb1\r\nHost: h\r\n\r\n");
    refuses(505, unsupported_version, "GET / HTTP/1.2\r\nHost: h\r\n\r\n");
    refuses(505, unsupported_version, "GET / HTTP/2.0\r\nHost: h\r\n\r\n");
    refuses(505, unsupported_version, "GET / HTTP/0.9\r\nHost: h\r\n\r\n");
    refuses(505, unsupported_version, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    CHECK(accepts("GET / HTTP/1.0\r\nHost: h\r\n\r\n").head->minor == 0);
    CHECK(accepts("GET / HTTP/1.1\r\nHost: h\r\n\r\n").head->minor == 1);
  }

  TEST_CASE(
      "row 8: a target holds no control byte, space, DEL, byte from 0x80 on, quote, angle bracket or '#'") {
    refuses(400, bad_target, "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_target, "GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_target, "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_target, "GET /?a#b HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string everywhere = "!$%&'()*+,-./:;=?@[]_~" + alphanumeric;
    sweep("GET /a@b HTTP/1.1\r\nHost: h\r\n\r\n", everywhere);
    sweep("GET /a?b@c HTTP/1.1\r\nHost: h\r\n\r\n", everywhere, "\\^{}|`");
    CHECK(accepts("GET /a?b?c HTTP/1.1\r\nHost: h\r\n\r\n").head->query.size == 3);
    CHECK(accepts("GET /? HTTP/1.1\r\nHost: h\r\n\r\n").head->has_query);
    CHECK_FALSE(accepts("GET / HTTP/1.1\r\nHost: h\r\n\r\n").head->has_query);
  }

  TEST_CASE("row 9: the form of the target fits the method") {
    for (const std::string& target :
         Examples{"x", "*", "h:80", "ftp://h/", "http:/h/", "*/", "?a", "http:", "https//h/", "x:/"})
      refuses(400, bad_target, "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(accepts("GET // HTTP/1.1\r\nHost: h\r\n\r\n").head->form ==
          TargetForm::origin);  // the canonical path refuses it
    const Accepted options = accepts("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(options.head->form == TargetForm::asterisk);
    CHECK(options.head->path.size == 0);
    refuses(400, bad_target, "options * HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_target, "OPTIONS *? HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_target, "OPTIONS ** HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(accepts("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n").head->form == TargetForm::authority);
    CHECK(accepts("CONNECT [::1]:443 HTTP/1.1\r\nHost: h\r\n\r\n").head->form == TargetForm::authority);
    for (const std::string& target :
         Examples{"h", "h:", "[::1]", ":443", "h:x", "u@h:443", "h:443?", "h:443/", "h:65536", "http://h/"})
      refuses(400, bad_target, "CONNECT " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }

  TEST_CASE("row 10: absolute form is http or https with a host that equals Host") {
    const Accepted got = accepts("GET http://Example.COM:80/x?y HTTP/1.1\r\nHost: example.com:80\r\n\r\n");
    CHECK(got.head->form == TargetForm::absolute);
    CHECK(got.text(got.head->path) == "/x");
    CHECK(got.text(got.head->query) == "y");
    CHECK(got.text(got.head->host) == "example.com:80");
    const Accepted bare = accepts("GET HTTPS://[::1]?a HTTP/1.1\r\nHost: [::1]\r\n\r\n");
    CHECK(bare.head->path.size == 0);
    CHECK(bare.text(bare.head->query) == "a");
    const Accepted old = accepts("GET http://h:81/x HTTP/1.0\r\n\r\n");
    CHECK(old.head->has_host);
    CHECK(old.text(old.head->host) == "h:81");

    for (const std::string& target :
         Examples{"http://u@h/", "http://u:p@h/", "http:///x", "http://h:99999/", "http://?a", "http://h:x/",
                  "http://h%41/", "http://[::1/", "http://a,b/", "http://"})
      refuses(400, bad_target, "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_host, "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n");
    refuses(400, bad_host, "GET http://h/ HTTP/1.1\r\nHost: h:80\r\n\r\n");
    refuses(400, bad_host, "GET http://h:80/ HTTP/1.1\r\nHost: h\r\n\r\n");
    refuses(400, bad_host, "GET http://a/ HTTP/1.0\r\nHost: b\r\n\r\n");
    refuses(400, missing_host, "GET http://h/ HTTP/1.1\r\n\r\n");
  }

  TEST_CASE("row 12: a line that starts with whitespace is refused, the first one too") {
    refuses(400, folded_field, "GET / HTTP/1.1\r\n Host: h\r\n\r\n");
    refuses(400, folded_field, "GET / HTTP/1.1\r\n\tHost: h\r\n\r\n");
    refuses(400, folded_field, with("X: a\r\n b\r\n"));
    refuses(400, folded_field, with("X: a\r\n\tb\r\n"));
    refuses(400, folded_field, with(" \r\n"));
  }

  TEST_CASE("row 13: a field name is a token right before its colon") {
    for (const std::string& line : Examples{"X : a", "X\t: a", ": a", "X[]: a", "abc", "\xefX: a", "X(: a",
                                            "X\x7f: a", "X\"Y\": a", "X", "/: a"})
      refuses(400, bad_field_name, with(line + "\r\n"));
    refuses(400, bad_field_name, with("X\0: a\r\n"s));
    sweep("GET / HTTP/1.1\r\nHost: h\r\nX@Y: a\r\n\r\n", "!#$%&'*+-.^_`|~:", alphanumeric);
    CHECK(accepts(with("!#$%&'*+-.^_`|~: a\r\n")).head->fields[1].plain == false);
    CHECK(accepts(with("X-1: a\r\n")).head->fields[1].plain);
  }

  TEST_CASE("row 14: a field value holds no control byte but HTAB") {
    refuses(400, bad_field_value, with("X: a\0b\r\n"s));
    refuses(400, bad_field_value, with("X: \x7f\r\n"));
    refuses(400, bad_field_value, with("X: \x0b\r\n"));
    CHECK(accepts(with("X: a\tb\r\n")).value(1) == "a\tb");
    CHECK(accepts(with("X: caf\xe9\r\n")).value(1) == "caf\xe9");
    // One byte at every place of values of every length around a machine word, so that no lane of the scan is
    // blind.
    for (std::size_t size = 1; size <= 20; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string value(size, 'v');
        value[at] = '@';
        sweep("GET / HTTP/1.1\r\nHost: h\r\nX: " + value + "\r\n\r\n",
              "\t !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" + alphanumeric, high_bytes);
      }
    }
  }

  TEST_CASE("row 15: SP and HTAB around a value are trimmed, nothing else") {
    CHECK(accepts(with("X: \t a \t\r\n")).value(1) == "a");
    CHECK(accepts(with("X:a\r\n")).value(1) == "a");
    CHECK(accepts(with("X:\r\n")).value(1).empty());
    CHECK(accepts(with("X: \t \r\n")).value(1).empty());
    CHECK(accepts(with("X: a b\r\n")).value(1) == "a b");
    CHECK(accepts(with("X: \xa0"
                       "a\xa0\r\n"))
              .value(1) ==
          "\xa0"
          "a\xa0");
    refuses(400, bad_transfer_encoding,
            with("Transfer-Encoding: \xa0"
                 "chunked\r\n"));
    CHECK(accepts(with("Transfer-Encoding: \t chunked \t\r\n")).head->framing == Framing::chunked);
  }

  TEST_CASE("row 16: exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0") {
    refuses(400, missing_host, "GET / HTTP/1.1\r\n\r\n");
    refuses(400, bad_host, with("Host: h\r\n"));
    refuses(400, bad_host, with("hOST: other\r\n"));
    refuses(400, bad_host, "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n");
    for (const std::string& host :
         Examples{"", "a,b", "u@h", "h/", "h?", "h\\", "h:65536", "h:x", "h:80:80", "[::1", "::1", "[::1]x",
                  "[g]", "h h", ":80", "h:-1", "\xc3\xa9", "[]", "a, b"}) {
      refuses(400, bad_host, "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
      refuses(400, bad_host, "GET / HTTP/1.0\r\nHost: " + host + "\r\n\r\n");
    }
    for (const std::string& host :
         Examples{"h", "h:", "h:80", "[::1]:80", "[::1]", "127.0.0.1:65535", "EXAMPLE.com."}) {
      const Accepted got = accepts("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
      CHECK(got.text(got.head->host) == host);
    }
    CHECK(accepts("GET / HTTP/1.1\r\nHost_: a\r\nHost: h\r\n\r\n").head->host.size ==
          1);  // an alias is no Host
  }

  TEST_CASE("row 17: a length is one field of at most 19 digits and at most 2^63-1") {
    for (const std::string& length :
         Examples{"+5", "-5", "5,5", "5, 5", "0x5", "5 5", "", "5.0", "5e1", "five", "18446744073709551621",
                  "9223372036854775808", "00000000000000000005", "\xb2", "5;"})
      refuses(400, bad_content_length, with("Content-Length: " + length + "\r\n"));
    refuses(400, bad_field_value, with("Content-Length: 5\x0b\r\n"));
    refuses(400, bad_content_length, with("Content-Length: 5\r\nContent-Length: 5\r\n"));
    refuses(400, bad_content_length, with("Content-Length: 5\r\ncontent-length: 6\r\n"));
    CHECK(accepts(with("Content-Length: 005\r\n")).head->content_length == 5);
    CHECK(accepts(with("Content-Length:\t5\t\r\n")).head->content_length == 5);
    CHECK(accepts(with("Content-Length: 0\r\n")).head->framing == Framing::length);
    CHECK(accepts(with("Content-Length: 9223372036854775807\r\n")).head->content_length == INT64_MAX);
    CHECK(accepts(with("")).head->framing == Framing::none);
  }

  TEST_CASE("row 18: a transfer coding is one field with exactly the value chunked") {
    for (const std::string& coding : Examples{
             "", "chunked, chunked", "chunked, gzip", "chunked;a=b", "chunked foo", ",chunked", "chunked,",
             "gzip,, chunked", "\"chunked\"", "chunked\t;", "x y, chunked", "chun\tked", "\xe9", "gzip;q=1"})
      refuses(400, bad_transfer_encoding, with("Transfer-Encoding: " + coding + "\r\n"));
    for (const std::string& coding : Examples{"gzip", "xchunked", "chunkedx", "identity", "gzip, chunked",
                                              "gzip,chunked", "deflate, gzip"})
      refuses(501, unsupported_transfer_encoding, with("Transfer-Encoding: " + coding + "\r\n"));
    refuses(400, bad_transfer_encoding, with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"));
    refuses(400, bad_transfer_encoding, with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"));
    refuses(400, bad_transfer_encoding, with("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n"));
    CHECK(accepts(with("Transfer-Encoding: chunked\r\n")).head->framing == Framing::chunked);
    CHECK(accepts(with("tRANSFER-eNCODING: CHUNKED\r\n")).head->framing == Framing::chunked);
  }

  TEST_CASE("row 19: a length beside a coding is refused in any order") {
    refuses(400, length_and_coding, with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"));
    refuses(400, length_and_coding, with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"));
    refuses(400, length_and_coding, with("Content-Length: 0\r\nTransfer-Encoding: gzip\r\n"));
    refuses(400, length_and_coding, with("Transfer-Encoding: gzip\r\nContent-Length: 0\r\n"));
    refuses(400, bad_transfer_encoding, with("Content-Length: 5\r\nTransfer-Encoding:\r\n"));
    refuses(400, bad_transfer_encoding, with("Transfer-Encoding:\r\nContent-Length: 5\r\n"));
  }

  TEST_CASE("row 20: HTTP/1.0 has no transfer coding") {
    refuses(400, coding_in_http10, "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    refuses(400, coding_in_http10, "POST /x HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n");
  }

  TEST_CASE("row 21: Connection is a list of tokens, over all its lines, empty elements allowed") {
    for (const std::string& tokens :
         Examples{"a b", "\"close\"", "\xe9", "close;x", "close, a b", "a/b", "close\tx"})
      refuses(400, bad_connection, with("Connection: " + tokens + "\r\n"));
    refuses(400, bad_connection, with("Connection: close\r\nConnection: a b\r\n"));
    const Accepted got = accepts(with("Connection: close,,upgrade\r\n"));
    CHECK(got.head->connection_close);
    CHECK(got.head->connection_upgrade);
    CHECK_FALSE(got.head->connection_keep_alive);
    const Accepted lines =
        accepts(with("Connection: Keep-Alive\r\nConnection: , X-Other ,\tUPGRADE\r\nConnection:\r\n"));
    CHECK(lines.head->connection_keep_alive);
    CHECK(lines.head->connection_upgrade);
    CHECK_FALSE(lines.head->connection_close);
    CHECK_FALSE(accepts(with("Connection: closed, xclose\r\n")).head->connection_close);
  }

  TEST_CASE("row 22: HTTP/1.0 may come without Host") {
    const Accepted got = accepts("GET / HTTP/1.0\r\n\r\n");
    CHECK_FALSE(got.head->has_host);
  }

  TEST_CASE(
      "row 23: Expect is 100-continue or 417; HTTP/1.0 ignores it; aliases are left to the header rules") {
    CHECK(accepts(with("Expect: 100-Continue\r\n")).head->expect_continue);
    CHECK_FALSE(accepts(with("")).head->expect_continue);
    for (const std::string& expect :
         Examples{"", "100-continued", "200-ok", "100-continue, 100-continue", "100-continue;q=1"})
      refuses(417, bad_expect, with("Expect: " + expect + "\r\n"));
    refuses(417, bad_expect, with("Expect: 100-continue\r\nExpect: 100-continue\r\n"));
    CHECK_FALSE(accepts("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").head->expect_continue);
    CHECK_FALSE(accepts("GET / HTTP/1.0\r\nExpect: else\r\n\r\n").head->expect_continue);
    const Accepted alias =
        accepts(with("Transfer_Encoding: gzip\r\nContent.Length: 5\r\nX_Subject_Id: root\r\n"));
    CHECK(alias.head->framing == Framing::none);
    for (std::size_t i = 1; i < 4; ++i) {
      CHECK(alias.head->fields[i].known == FieldName::other);
      CHECK_FALSE(alias.head->fields[i].plain);
    }
  }
}
