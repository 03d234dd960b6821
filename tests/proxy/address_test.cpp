// Who the client is: addresses, and what trusted proxies say of them.

#include "proxy/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <vector>

#include "conf/option.hpp"
#include "proxy/gate.hpp"
#include "proxy/listening_socket.hpp"
#include "tests/proxy/heads.hpp"

using namespace postern;
using namespace postern::test;
using namespace std::string_view_literals;

namespace {

Network network(std::string_view address, int prefix) {
  const auto bytes = parse_address(address);
  REQUIRE(bytes);
  Network made;
  std::copy(bytes->begin(), bytes->end(), made.address);
  made.prefix = static_cast<std::uint8_t>(address.find(':') == std::string_view::npos ? prefix + 96 : prefix);
  return made;
}

/// "10.0.0.0/8" and "fd00::/8" are trusted.
std::string client(std::string_view peer, const std::string& lines, bool trusting = true, bool known = true) {
  Peer of;
  if (!peer.empty()) of.address = parse_address(peer).value();
  of.text.assign(peer);
  of.known = known;
  std::vector<Network> trusted;
  if (trusting) trusted = {network("10.0.0.0", 8), network("fd00::", 8)};
  const ReadRequest request = request_with(lines);
  BoundedText<46> text;
  const auto address = client_address(request.head(), request.buffer(), of, trusted, text);
  // The text is a spelling of the address that counts.
  if (!text.empty()) CHECK(parse_address(text.view()) == address);
  return std::string(text.view());
}

}  // namespace

TEST_CASE("IP literals become sixteen bytes, anything else nothing") {
  CHECK(parse_address("192.0.2.1") == parse_address("::ffff:192.0.2.1"));
  CHECK(parse_address("::1").value()[15] == 1);
  CHECK(parse_address("2001:DB8::1") == parse_address("2001:db8:0:0:0:0:0:1"));
  for (const std::string_view text :
       {"", " ", "192.0.2", "192.0.2.1.", "192.0.2.256", "192.0.2.1:80", "[::1]", "::1%lo", "unknown",
        "_hidden", "0x7f.1", "127.1", "192.0.2.01", " 192.0.2.1", "localhost",
        "1111:2222:3333:4444:5555:6666:255.255.255.255x", ":::1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text));
  }
}

TEST_CASE("a NUL ends no address") {
  for (const std::string_view text : {"192.0.2.1\0"sv, "192.0.2.1\0x"sv, "\0"sv, "::1\0"sv, "::\0001"sv}) {
    CAPTURE(text);
    CHECK_FALSE(parse_address(text));
  }
}

TEST_CASE("the client is the peer unless the peer is a trusted proxy") {
  const std::string forged = "X-Forwarded-For: 10.0.0.1\r\n";
  CHECK(client("192.0.2.1", "") == "192.0.2.1");
  CHECK(client("192.0.2.1", forged) == "192.0.2.1");
  CHECK(client("10.0.0.9", forged, false) == "10.0.0.9");
  CHECK(client("", forged) == "");                               // a Unix socket
  CHECK(client("10.0.0.9", forged, true, false) == "10.0.0.9");  // it announced nobody
}

TEST_CASE("behind trusted proxies the client is the last address that is not one of them") {
  struct Row {
    std::string lines, client;
  };
  const Row rows[] = {
      {"", "10.0.0.9"},
      {"X-Forwarded-For: 203.0.113.5\r\n", "203.0.113.5"},
      {"x-forwarded-for: 203.0.113.5\r\n", "203.0.113.5"},
      {"X-Forwarded-For: 1.1.1.1, 203.0.113.5\r\n", "203.0.113.5"},
      {"X-Forwarded-For: 1.1.1.1, 203.0.113.5, 10.1.1.1\r\n", "203.0.113.5"},
      {"X-Forwarded-For: 1.1.1.1,203.0.113.5 ,\t10.1.1.1 , fd00::1\r\n", "203.0.113.5"},
      {"X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n", "10.0.0.1"},
      {"X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 203.0.113.5\r\n", "203.0.113.5"},
      {"X-Forwarded-For: 203.0.113.5\r\nA: b\r\nX-Forwarded-For: 10.0.0.2\r\n", "203.0.113.5"},
      {"X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::7"},
      {"X-Forwarded-For: ::ffff:203.0.113.5\r\n", "::ffff:203.0.113.5"},
      // What is no address ends the walk at the last one that was.
      {"X-Forwarded-For: 1.1.1.1, unknown\r\n", "10.0.0.9"},
      {"X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.2\r\n", "10.0.0.2"},
      {"X-Forwarded-For: 203.0.113.5:4711\r\n", "10.0.0.9"},
      {"X-Forwarded-For: 203.0.113.5,\r\n", "10.0.0.9"},
      {"X-Forwarded-For: 203.0.113.5,,\r\n", "10.0.0.9"},
      {"X-Forwarded-For:\r\n", "10.0.0.9"},
      // Other spellings of the field count for nothing.
      {"X-Forwarded-For-: 1.1.1.1\r\nX-Forwarded-Host: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\nX-Real-IP: "
       "1.1.1.1\r\n",
       "10.0.0.9"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lines);
    CHECK(client("10.0.0.9", row.lines) == row.client);
  }
}

TEST_CASE("a peer is described as an address and as text") {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(8080);
  ::inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(443);
  const auto of = [](const auto& typed) {
    SocketAddress address;
    std::memcpy(&address.storage, &typed, sizeof typed);
    address.size = sizeof typed;
    return address;
  };
  std::array<std::uint8_t, 16> bytes{};
  BoundedText<46> text;
  describe_peer(of(v4), bytes, text);
  CHECK(text.view() == "192.0.2.1");
  CHECK(bytes == parse_address("192.0.2.1"));
  CHECK(to_string(of(v4)) == "192.0.2.1:8080");

  ::inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);  // an IPv4 client of a socket for both families
  describe_peer(of(v6), bytes, text);
  CHECK(text.view() == "192.0.2.1");
  CHECK(bytes == parse_address("192.0.2.1"));

  ::inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
  describe_peer(of(v6), bytes, text);
  CHECK(text.view() == "2001:db8::1");
  CHECK(to_string(of(v6)) == "[2001:db8::1]:443");

  SocketAddress local;
  local.storage.ss_family = AF_UNIX;
  describe_peer(local, bytes, text);
  CHECK(text.empty());
  CHECK(bytes == std::array<std::uint8_t, 16>{});
}

TEST_CASE("an endpoint is an address when it needs no resolver") {
  const auto spelled = [](const Endpoint& endpoint) {
    const auto found = literal_address(endpoint);
    if (!found) return std::string("error");
    return *found ? to_string(**found) : std::string("a name");
  };
  CHECK(spelled({"127.0.0.1", 80, ""}) == "127.0.0.1:80");
  CHECK(spelled({"::1", 80, ""}) == "[::1]:80");
  CHECK(spelled({"localhost", 80, ""}) == "a name");
  CHECK(spelled({"", 0, "/run/app.sock"}) == "unix:/run/app.sock");
  CHECK(spelled({"", 0, std::string(107, 'p')}) == "unix:" + std::string(107, 'p'));
  CHECK(spelled({"", 0, std::string(108, 'p')}) == "error");
}

TEST_CASE("a listening socket tells the port it got, and a port in use is an error with a sentence") {
  const auto first = ListeningSocket::open({"127.0.0.1", 0, ""});
  REQUIRE(first.has_value());
  CHECK(first->name().substr(0, 10) == "127.0.0.1:");
  CHECK(first->name() != "127.0.0.1:0");
  CHECK(first->url() == "http://" + first->name());
  const auto port = static_cast<std::uint16_t>(std::stoi(first->name().substr(10)));
  const auto second = ListeningSocket::open({"127.0.0.1", port, ""});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().message.find("cannot listen on 127.0.0.1:" + std::to_string(port) + ": ") == 0);
}
