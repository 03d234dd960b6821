// The strict head of an answer, row by row of the grammar. Every refusal is a 502.

#include <doctest/doctest.h>
#include <memory>
#include <string>

#include "tests/proxy/head_verdicts.hpp"

using namespace postern;
using namespace postern::test;
using namespace std::string_literals;
using enum HeadError;

namespace {

std::string with(std::string_view lines) {
  return "HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n";
}

void refuses(HeadError error, const std::string& bytes) {
  INFO(printable(bytes));
  CHECK(response_verdict(bytes) == "refused: " + std::string(to_string(error)));
}

struct Accepted {
  std::string bytes;
  std::unique_ptr<ResponseHead> head = std::make_unique<ResponseHead>();
  [[nodiscard]] std::string_view text(Slice slice) const { return slice.of(bytes.data()); }
};

Accepted accepts(const std::string& bytes) {
  INFO(printable(bytes));
  Accepted accepted{bytes};
  ResponseReader reader;
  const HeadStatus status = reader.feed(accepted.bytes, *accepted.head);
  CHECK(to_string(reader.error()) == "none");
  REQUIRE(status == HeadStatus::complete);
  CHECK(response_verdict(bytes) == describe(*accepted.head, accepted.bytes.data()));
  return accepted;
}

}  // namespace

TEST_SUITE("response head") {
  TEST_CASE("row 1: the status line is HTTP/1.0 or HTTP/1.1, one space, three digits from 100 to 599") {
    for (const std::string& line : Examples{"HTTP/1.1 000 X",
                                            "HTTP/1.1 099 X",
                                            "HTTP/1.1 600 X",
                                            "HTTP/1.1 2x0 OK",
                                            "HTTP/1.1 20000 OK",
                                            "HTTP/1.1\t200 OK",
                                            "HTTP/0.9 200 OK",
                                            "HTTP/2.0 200 OK",
                                            "HTTP/1.2 200 OK",
                                            "http/1.1 200 OK",
                                            "HTTP/1.1  200 OK",
                                            "HTTP/1.1 20",
                                            "HTTP/1.1 20 OK",
                                            "HTTP/1.1 +20 OK",
                                            "HTTP/1.1",
                                            "HTTP/1.1 ",
                                            "ICY 200 OK",
                                            " HTTP/1.1 200 OK",
                                            "200 OK",
                                            "HTTP/1.1 200OK",
                                            "HTTP/1.1 200\tOK",
                                            "<html>",
                                            "HTTP/1.1 2\xb2\xb0 OK",
                                            "\x15\x03\x01"})
      refuses(bad_status_line, line + "\r\n\r\n");
    refuses(bad_line_end, "HTTP/1.1 200 OK\n\n");
    for (const int status : {100, 101, 103, 199, 200, 204, 304, 404, 500, 599})
      CHECK(accepts("HTTP/1.1 " + std::to_string(status) + " X\r\n\r\n").head->status == status);
    CHECK(accepts("HTTP/1.0 200 OK\r\n\r\n").head->minor == 0);
  }

  TEST_CASE("row 2: a reason is optional and holds no control byte but HTAB") {
    CHECK(accepts("HTTP/1.1 200\r\n\r\n").head->reason.size == 0);
    CHECK(accepts("HTTP/1.1 200 \r\n\r\n").head->reason.size == 0);
    const Accepted got = accepts("HTTP/1.1 200 Tr\xe8s\tbien sur\r\n\r\n");
    CHECK(got.text(got.head->reason) == "Tr\xe8s\tbien sur");
    refuses(bad_status_line, "HTTP/1.1 200 O\0K\r\n\r\n"s);
    refuses(bad_status_line, "HTTP/1.1 200 O\rK\r\n\r\n");
    refuses(bad_status_line, "HTTP/1.1 200 OK\r\r\n\r\n");
    refuses(bad_status_line, "HTTP/1.1 200 O\x7fK\r\n\r\n");
    refuses(bad_status_line, "HTTP/1.1 200 O\x1bK\r\n\r\n");
  }

  TEST_CASE("row 3: nothing comes before the status line, not even an empty line") {
    refuses(bad_status_line, "\r\nHTTP/1.1 200 OK\r\n\r\n");
    refuses(bad_line_end, "\nHTTP/1.1 200 OK\r\n\r\n");
    refuses(bad_status_line, "xHTTP/1.1 200 OK\r\n\r\n");
  }

  TEST_CASE("row 4: fields as in a request") {
    refuses(folded_field, with("X: a\r\n b\r\n"));
    refuses(folded_field, with(" X: a\r\n"));
    refuses(bad_field_name, with("Content-Length : 2\r\n"));
    refuses(bad_field_name, with(": a\r\n"));
    refuses(bad_field_name, with("abc\r\n"));
    refuses(bad_field_name, with("X\xc3\xa9: a\r\n"));
    refuses(bad_field_value, with("X: a\0b\r\n"s));
    refuses(bad_field_value, with("X: a\x08\r\n"));
    refuses(bad_line_end, with("X: a\rY: b\r\n"));
    refuses(bad_line_end, with("X: a\n"));
    refuses(bad_connection, with("Connection: a b\r\n"));
    const Accepted got = accepts(with("Date: now\r\nX: \t caf\xe9 \t\r\nConnection: close, Upgrade\r\n"));
    CHECK(got.text(got.head->fields[1].value) == "caf\xe9");
    CHECK(got.head->has_date);
    CHECK(got.head->connection_close);
    CHECK(got.head->connection_upgrade);
    CHECK_FALSE(accepts(with("X-Date: now\r\n")).head->has_date);
  }

  TEST_CASE("row 5: a length as in a request, under every status") {
    for (const std::string& status : Examples{"200", "204", "304", "100"}) {
      const std::string line = "HTTP/1.1 " + status + " X\r\n";
      for (const std::string& length :
           Examples{"2, 12", "+2", "-2", "", "0x2", "2 2", "99999999999999999999", "9223372036854775808"})
        refuses(bad_content_length, line + "Content-Length: " + length + "\r\n\r\n");
      refuses(bad_content_length, line + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n");
      refuses(bad_content_length, line + "Content-Length: 2\r\nContent-Length: 12\r\n\r\n");
    }
    const Accepted got = accepts(with("Content-Length: 42\r\n"));
    CHECK(got.head->framing == Framing::length);
    CHECK(got.head->content_length == 42);
  }

  TEST_CASE("row 6: a coding is exactly chunked, not beside a length, not in HTTP/1.0") {
    for (const std::string& coding :
         Examples{"chunked, chunked", "chunked, gzip", "", ",chunked", "chunked;a=b"})
      refuses(bad_transfer_encoding, with("Transfer-Encoding: " + coding + "\r\n"));
    for (const std::string& coding : Examples{"xchunked", "gzip, chunked", "identity", "gzip"})
      refuses(unsupported_transfer_encoding, with("Transfer-Encoding: " + coding + "\r\n"));
    refuses(bad_transfer_encoding, with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"));
    refuses(length_and_coding, with("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"));
    refuses(length_and_coding, with("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"));
    refuses(coding_in_http10, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(accepts(with("Transfer-Encoding: chunked\r\n")).head->framing == Framing::chunked);
  }

  TEST_CASE("row 7: 1xx, 204, 304 and an answer to HEAD have no body, whatever their fields say") {
    for (const std::string& fields :
         Examples{"", "Content-Length: 2\r\n", "Transfer-Encoding: chunked\r\n"}) {
      for (const std::string& status : Examples{"100", "101", "103", "199", "204", "304"}) {
        const Accepted got = accepts("HTTP/1.1 " + status + " X\r\n" + fields + "\r\n");
        CHECK(response_framing(*got.head, false) == Framing::none);
        CHECK(response_framing(*got.head, true) == Framing::none);
      }
      CHECK(response_framing(*accepts(with(fields)).head, true) == Framing::none);
    }
  }

  TEST_CASE("row 8: a 101 is read; whether it was asked for is the session's to know") {
    const Accepted got =
        accepts("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi");
    CHECK(got.head->status == 101);
    CHECK(got.head->connection_upgrade);
    CHECK(got.head->size == got.bytes.size() - 4);
  }

  TEST_CASE("row 9: else the body is chunked, of a length, or runs until the close") {
    CHECK(response_framing(*accepts(with("Transfer-Encoding: chunked\r\n")).head, false) == Framing::chunked);
    CHECK(response_framing(*accepts(with("Content-Length: 0\r\n")).head, false) == Framing::length);
    CHECK(response_framing(*accepts(with("")).head, false) == Framing::until_close);
    CHECK(response_framing(*accepts("HTTP/1.1 205 X\r\n\r\n").head, false) == Framing::until_close);
    CHECK(response_framing(*accepts("HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\nno").head, false) ==
          Framing::length);
  }
}
