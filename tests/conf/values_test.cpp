#include <array>
#include <chrono>
#include <cstdint>
#include <doctest/doctest.h>
#include <optional>
#include <string>
#include <string_view>

#include "conf/option.hpp"

using namespace postern;
using namespace std::chrono_literals;

namespace {

std::string printed(const std::optional<Network>& network) {
  return network ? to_string(*network) : "refused";
}
std::string printed(const std::optional<Endpoint>& endpoint) {
  return endpoint ? endpoint->to_string() : "refused";
}

/// The 16 bytes of an address, IPv4 mapped.
std::array<std::uint8_t, 16> address(std::string_view text) {
  const auto network = parse_network(text);
  REQUIRE(network.has_value());
  std::array<std::uint8_t, 16> bytes{};
  std::copy(std::begin(network->address), std::end(network->address), bytes.begin());
  return bytes;
}

}  // namespace

TEST_CASE("a duration is whole numbers with units, from large to small") {
  struct Row {
    std::string_view text;
    std::optional<std::chrono::milliseconds> value;
  };
  const Row rows[] = {
      {"10s", 10s},
      {"250ms", 250ms},
      {"5m", 5min},
      {"1h30m", 90min},
      {"7d", 168h},
      {"0s", 0ms},
      {"1d1h1m1s1ms", 90'061'001ms},
      {"3650d", 87'600h},
      {"007s", 7s},
      {"", std::nullopt},
      {"10", std::nullopt},
      {"s", std::nullopt},
      {"-1s", std::nullopt},
      {"+1s", std::nullopt},
      {"1.5h", std::nullopt},
      {"1 s", std::nullopt},
      {" 1s", std::nullopt},
      {"1s ", std::nullopt},
      {"30m1h", std::nullopt},
      {"1m1m", std::nullopt},
      {"1S", std::nullopt},
      {"1w", std::nullopt},
      {"1ms1s", std::nullopt},
      {"3651d", std::nullopt},
      {"3650d1ms", std::nullopt},
      {"99999999999999999999s", std::nullopt},
      {"18446744073709551615d", std::nullopt},
      {"1h30", std::nullopt},
      {"0x1s", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.text));
    CHECK(parse_duration(row.text) == row.value);
  }
}

TEST_CASE("a size is a whole number with a decimal or binary unit") {
  struct Row {
    std::string_view text;
    std::optional<std::uint64_t> value;
  };
  const Row rows[] = {
      {"0", 0},
      {"1024", 1024},
      {"7B", 7},
      {"10kB", 10'000},
      {"10KB", 10'000},
      {"10MB", 10'000'000},
      {"3GB", 3'000'000'000},
      {"2TB", 2'000'000'000'000},
      {"1KiB", 1024},
      {"512MiB", 536'870'912},
      {"64GiB", std::uint64_t{64} << 30},
      {"16777215TiB", std::uint64_t{16'777'215} << 40},
      {"18446744073709551615", UINT64_MAX},
      {"", std::nullopt},
      {"GiB", std::nullopt},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {"1 GiB", std::nullopt},
      {"1.5GiB", std::nullopt},
      {"1gib", std::nullopt},
      {"1G", std::nullopt},
      {"1GiB ", std::nullopt},
      {"16777216TiB", std::nullopt},
      {"18446744073709551616", std::nullopt},
      {"0x10", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.text));
    CHECK(parse_bytes(row.text) == row.value);
  }
}

TEST_CASE("a count is digits and nothing else") {
  CHECK(parse_count("42") == 42);
  CHECK(parse_count("18446744073709551615") == UINT64_MAX);
  for (const std::string text :
       {"", "-1", "+1", "1 ", " 1", "1.0", "1e3", "0x1", "18446744073709551616", "1k"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_count(text).has_value());
  }
}

TEST_CASE("a network is an address and a prefix that covers all of its bits") {
  struct Row {
    std::string_view text, network;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"192.168.1.7", "192.168.1.7/32"},
      {"192.168.1.4/30", "192.168.1.4/30"},
      {"::/0", "::/0"},
      {"::1/128", "::1/128"},
      {"::1", "::1/128"},
      {"fd00::/8", "fd00::/8"},
      {"2001:DB8::/32", "2001:db8::/32"},
      {"::ffff:10.0.0.0/104", "10.0.0.0/8"},  // the mapped form is the IPv4 network
      {"::ffff:0:0/96", "0.0.0.0/0"},
      {"10.0.0.1/8", "refused"},  // host bits
      {"192.168.1.5/30", "refused"},
      {"fd00::1/8", "refused"},
      {"10.0.0.0/33", "refused"},
      {"::/129", "refused"},
      {"10.0.0.0/", "refused"},
      {"10.0.0.0/08", "refused"},
      {"10.0.0.0/-1", "refused"},
      {"10.0.0.0/8/8", "refused"},
      {"10.0.0/8", "refused"},
      {"010.0.0.0/8", "refused"},
      {"10.0.0.0 /8", "refused"},
      {"localhost", "refused"},
      {"[::1]", "refused"},
      {"fe80::1%eth0", "refused"},
      {"/8", "refused"},
      {"", "refused"},
      {std::string_view("10.0.0.0\0", 9), "refused"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.text));
    CHECK(printed(parse_network(row.text)) == std::string(row.network));
  }
  CHECK(printed(enclosing_network("10.1.2.3/8")) == "10.0.0.0/8");
  CHECK(printed(enclosing_network("fd12::1/12")) == "fd10::/12");
  CHECK(printed(enclosing_network("nonsense")) == "refused");
}

TEST_CASE("a network contains what shares its prefix") {
  struct Row {
    std::string_view network, address;
    bool contained;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.255.1.2", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"192.168.1.4/30", "192.168.1.7", true},
      {"192.168.1.4/30", "192.168.1.8", false},
      {"192.168.1.4", "192.168.1.4", true},
      {"192.168.1.4", "192.168.1.5", false},
      {"0.0.0.0/0", "255.255.255.255", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "10.0.0.1", true},
      {"::/0", "2001:db8::1", true},
      {"2001:db8::/33", "2001:db8:7fff::", true},
      {"2001:db8::/33", "2001:db8:8000::", false},
      {"::1", "::1", true},
      {"::1", "127.0.0.1", false},
      {"10.0.0.0/8", "::ffff:10.1.1.1", true},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.network));
    CAPTURE(std::string(row.address));
    CHECK(contains(*parse_network(row.network), address(row.address)) == row.contained);
  }
}

TEST_CASE("an endpoint is host and port, or the absolute path of a socket") {
  struct Row {
    std::string text, printed;
  };
  const std::string refused = "refused";
  const Row rows[] = {
      {"127.0.0.1:8080", "127.0.0.1:8080"},
      {"0.0.0.0:0", "0.0.0.0:0"},
      {"[::1]:8080", "[::1]:8080"},
      {"localhost:65535", "localhost:65535"},
      {"my_app.local:80", "my_app.local:80"},
      {"app.svc.cluster.local.:80", "app.svc.cluster.local.:80"},
      {"1and1.example:80", "1and1.example:80"},
      {"db.2nd:80", "db.2nd:80"},
      {"unix:/run/a.sock", "unix:/run/a.sock"},
      {"unix:/" + std::string(106, 'a'), "unix:/" + std::string(106, 'a')},
      {"unix:/" + std::string(107, 'a'), refused},  // would not fit sockaddr_un
      {"unix:run/a.sock", refused},
      {"unix:/", refused},
      {"unix:", refused},
      {std::string("unix:/a\0b", 9), refused},
      {"8080", refused},
      {":8080", refused},
      {"localhost", refused},
      {"localhost:", refused},
      {"localhost:65536", refused},
      {"localhost:080000", refused},
      {"localhost:+80", refused},
      {"::1:8080", refused},
      {"[::1]", refused},
      {"[::1]8080", refused},
      {"[127.0.0.1]:80", refused},
      {"[fe80::1%eth0]:80", refused},
      {"127.1:80", refused},        // resolvers read these as addresses
      {"2130706433:80", refused},   //
      {"0x7f000001:80", refused},   //
      {"127.0.0.0x1:80", refused},  //
      {"256.0.0.1:80", refused},
      {"*:80", refused},
      {"a b:80", refused},
      {"-a:80", refused},
      {"a..b:80", refused},
      {".a:80", refused},
      {"user@host:80", refused},
      {"http://host:80", refused},
      {std::string(254, 'a') + ":80", refused},
      {"", refused},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(printed(parse_endpoint(row.text)) == row.printed);
  }
}

TEST_CASE("loopback is what only this machine can reach") {
  for (const std::string text : {"127.0.0.1:80", "127.8.9.1:80", "[::1]:80", "localhost:80", "unix:/run/a"}) {
    CAPTURE(text);
    CHECK(is_loopback(*parse_endpoint(text)));
  }
  for (const std::string text :
       {"0.0.0.0:80", "10.0.0.1:80", "[::]:80", "[fd00::1]:80", "localhost.example:80"}) {
    CAPTURE(text);
    CHECK_FALSE(is_loopback(*parse_endpoint(text)));
  }
}
