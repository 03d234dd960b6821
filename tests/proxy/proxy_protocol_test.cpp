#include "proxy/proxy_protocol.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "conf/limits.hpp"
#include "proxy/address.hpp"

using namespace postern;

namespace {

using State = ProxyHeader::Status;

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

/// A version 2 header: command, family, and what stands behind the length.
std::string binary(int command, int family, const std::string& rest) {
  return signature + static_cast<char>(command) + static_cast<char>(family) +
         static_cast<char>(rest.size() >> 8) + static_cast<char>(rest.size() & 0xFF) + rest;
}

/// "malformed", "incomplete", "keeps", or the address that is announced.
std::string read(const std::string& bytes) {
  const ProxyHeader header = read_proxy_header(bytes);
  if (header.status == State::malformed) return "malformed";
  if (header.status == State::incomplete) return "incomplete";
  if (!header.announces) return "keeps";
  BoundedText<46> text;
  spell_address(header.client, text);
  return std::string(text.view());
}

const std::string ends4("\xC0\x00\x02\x01\xC6\x33\x64\x01\xDC\x04\x01\xBB", 12);
const std::string ends6 =
    std::string("\x20\x01\x0D\xB8", 4) + std::string(11, '\0') + '\x01' + std::string(20, '\2');

struct Row {
  std::string header, meaning;
};
const std::vector<Row> good = {
    {"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "192.0.2.1"},
    {"PROXY TCP4 192.0.2.1 198.51.100.1 0 65535\r\n", "192.0.2.1"},
    {"PROXY TCP6 2001:db8::1 ::1 56324 443\r\n", "2001:db8::1"},
    {"PROXY TCP6 ::ffff:192.0.2.1 ::1 56324 443\r\n", "192.0.2.1"},
    {"PROXY UNKNOWN\r\n", "keeps"},
    {"PROXY UNKNOWN ffff:f...f:ffff anything 1 2\r\n", "keeps"},
    {binary(0x21, 0x11, ends4), "192.0.2.1"},
    {binary(0x21, 0x11,
            ends4 + std::string("\x03\x00\x04"
                                "abcd",
                                7)),
     "192.0.2.1"},
    {binary(0x21, 0x21, ends6), "2001:db8::1"},
    {binary(0x21, 0x31, std::string(216, '/')), "keeps"},
    {binary(0x21, 0x00, ""), "keeps"},
    {binary(0x20, 0x00, ""), "keeps"},
    {binary(0x20, 0x11, ends4), "keeps"},
    {binary(0x21, 0x11, ends4 + std::string(limits::proxy_header_bytes_max - 28, 'x')), "192.0.2.1"},
};

}  // namespace

TEST_CASE("a PROXY header is read the same way wherever it is cut, and not a byte beyond it") {
  for (const Row& row : good) {
    CAPTURE(row.header);
    for (std::size_t cut = 0; cut < row.header.size(); ++cut)
      CHECK(read(row.header.substr(0, cut)) == "incomplete");
    CHECK(read(row.header) == row.meaning);
    for (const std::string behind : {"G", "\r\n", "\x16\x03\x01", "PROXY UNKNOWN\r\n"}) {
      CHECK(read(row.header + behind) == row.meaning);
      CHECK(read_proxy_header(row.header + behind).size == row.header.size());
    }
  }
}

TEST_CASE("what deviates from the grammar is no PROXY header") {
  const std::vector<std::string> rows = {
      "GET / HTTP/1.1\r\n",
      "\x16\x03\x01",
      "proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
      "PROXY  TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
      "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n",
      "PROXY TCP4 192.0.2.1\r\n",
      std::string("PROXY TCP4 192.0.2.1\0x 198.51.100.1 1 2\r\n", 41),
      "PROXY TCP4\r\n",
      "PROXY \r\n",
      "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
      "PROXY TCP4 192.0.2.1 x 1 2\r\n",
      "PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
      "PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
      "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 65536 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n",
      "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\r\n",
      "PROXY TCP4 192.0.2.1\n198.51.100.1 1 2\r\n",
      "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n",
      "PROXY UNKNOWN " + std::string(200, 'x'),
      binary(0x11, 0x11, ends4),
      binary(0x22, 0x11, ends4),
      binary(0x21, 0x12, ends4),
      binary(0x21, 0x41, ends4),
      binary(0x21, 0x11, ends4.substr(1)),
      binary(0x21, 0x21, ends4),
      binary(0x21, 0x31, std::string(215, '/')),
      binary(0x21, 0x11, ends4 + std::string(limits::proxy_header_bytes_max - 27, 'x')),
      "\r\n\r\nPROXY",
  };
  for (const std::string& row : rows) {
    CAPTURE(row);
    CHECK(read(row) == "malformed");
    // Known as soon as it shows: never complete on the way.
    for (std::size_t cut = 0; cut < row.size(); ++cut) {
      const std::string part = read(row.substr(0, cut));
      CHECK((part == "incomplete" || part == "malformed"));
    }
  }
}

TEST_CASE("the longest line of version 1 is 107 bytes") {
  CHECK(read("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n") == "keeps");
}
