// security.md, "Target and host", and row 16 of the grammar: what a Host field or an authority may be.

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "policy/target.hpp"

namespace postern::policy {
namespace {

using namespace std::string_literals;

struct Row {
  std::string raw, name, port;
};

TEST_CASE("a host is lower-cased, loses one trailing dot, and its port is split off") {
  const std::vector<Row> rows = {
      {"h", "h", ""},
      {"h:", "h", ""},
      {"h:80", "h", "80"},
      {"h:0", "h", "0"},
      {"h:65535", "h", "65535"},
      {"API.Example.COM", "api.example.com", ""},
      {"api.example.com.", "api.example.com", ""},
      {"api.example.com.:8443", "api.example.com", "8443"},
      {"my_service", "my_service", ""},
      {"xn--bcher-kva.example", "xn--bcher-kva.example", ""},
      {"127.0.0.1:8080", "127.0.0.1", "8080"},
      {"[::1]", "[::1]", ""},
      {"[::1]:80", "[::1]", "80"},
      {"[::1]:", "[::1]", ""},
      {"[2001:DB8::A]", "[2001:db8::a]", ""},
      {"[0:0:0:0:0:0:0:1]", "[::1]", ""},
      {"[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.raw);
    char buffer[limits::host_bytes_max];
    CanonicalHost host;
    REQUIRE(canonical_host(row.raw, buffer, host));
    CHECK(host.name == row.name);
    CHECK(host.port == row.port);
    char again[limits::host_bytes_max];
    CanonicalHost twice;
    REQUIRE(canonical_host(host.name, again, twice));
    CHECK(twice.name == row.name);
  }
}

TEST_CASE("what is no uri-host with an optional port is refused") {
  const std::vector<std::string> refused = {
      "",
      ".",
      "..",
      "a..b",
      ".a",
      "a..",
      "a,b",
      "a, b",
      "u@h",
      "u:p@h",
      "a/b",
      "a?b",
      "a\\b",
      "a#b",
      "a b",
      " a",
      "a ",
      "a\tb",
      "a\0b"s,
      "\xc3\xa9",
      "h:65536",
      "h:99999",
      "h:000080",
      "h:8x",
      "h:-1",
      "h:+80",
      "h:80:90",
      ":80",
      ":",
      "h:8 0",
      "[::1",
      "::1",
      "[]",
      "[::1]x",
      "[::1]80",
      "[::1]:x",
      "[1.2.3.4]",
      "[fe80::1%eth0]",
      "[fe80::1%25eth0]",
      "[v1.a]",
      "[::g]",
      "a]",
      "a[b]",
      "a%41",
      "a;b",
      "a!b",
      "*.example.com",
      "a'b",
      "http://h",
      "[:::]",
      "[::1\0]"s,
      "[::1]:80:",
  };
  for (const std::string& raw : refused) {
    CAPTURE(raw);
    char buffer[limits::host_bytes_max];
    CanonicalHost host;
    CHECK_FALSE(canonical_host(raw, buffer, host));
  }
}

TEST_CASE("a host has at most 253 bytes, the trailing dot not counted") {
  std::string longest;
  while (longest.size() < limits::host_bytes_max) longest += longest.size() % 60 == 59 ? '.' : 'a';
  char buffer[limits::host_bytes_max];
  CanonicalHost host;
  CHECK(canonical_host(longest, buffer, host));
  CHECK(canonical_host(longest + ".", buffer, host));
  CHECK(canonical_host(longest + ".:443", buffer, host));
  CHECK_FALSE(canonical_host(longest + "a", buffer, host));
}

}  // namespace
}  // namespace postern::policy
