// What is counted by client address, in tables that nobody can fill; and how slow a peer may be.

#include <algorithm>
#include <doctest/doctest.h>
#include <memory>
#include <string>

#include "proxy/address.hpp"
#include "proxy/client_counts.hpp"
#include "proxy/failure_table.hpp"
#include "proxy/head_reader.hpp"
#include "proxy/pace.hpp"

using namespace postern;
using namespace std::chrono_literals;

namespace {

constexpr std::array<std::uint64_t, 2> key = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

std::array<std::uint8_t, 16> address(const char* text) {
  return *parse_address(text);
}
std::array<std::uint8_t, 16> numbered(std::uint32_t number) {
  auto bytes = address("10.0.0.0");
  for (std::size_t i = 0; i < 3; ++i) bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return bytes;
}

}  // namespace

TEST_CASE("an address is hashed by SipHash, an IPv6 one by its network") {
  const AddressHash hash(key);
  CHECK(hash(address("192.0.2.1")) == 0x5d3ac230565f3a66U);
  CHECK(hash(address("2001:db8:0:1::")) == 0x9778774950706df7U);
  CHECK(hash(address("2001:db8:0:1::1")) == hash(address("2001:db8:0:1:ffff::2")));
  CHECK(hash(address("2001:db8:0:1::1")) != hash(address("2001:db8:0:2::1")));
  CHECK(hash(address("192.0.2.1")) != hash(address("192.0.2.2")));
  CHECK(AddressHash()(address("192.0.2.1")) != AddressHash()(address("192.0.2.1")));
}

TEST_CASE("failures are limited within a minute, address by address") {
  FailureTable table{AddressHash(key)};
  const UnixSeconds noon = 1'800'000'000;
  for (int i = 0; i < 3; ++i) CHECK(table.add(address("192.0.2.1"), noon, 3) == 0);
  CHECK(table.add(address("192.0.2.1"), noon, 3) == 60);
  CHECK(table.add(address("192.0.2.1"), noon + 59, 3) == 1);
  CHECK(table.add(address("192.0.2.2"), noon + 59, 3) == 0);
  CHECK(table.add(address("192.0.2.1"), noon + 60, 3) == 0);
  CHECK(table.add(address("192.0.2.1"), noon - 600, 3) == 0);  // a clock that was moved forgets
}

TEST_CASE("a flood of addresses neither frees the one that fails most nor blames another") {
  FailureTable table{AddressHash(key)};
  const UnixSeconds noon = 1'800'000'000;
  for (int i = 0; i < 100; ++i) (void)table.add(address("192.0.2.1"), noon, 50);
  int blamed = 0;
  for (std::uint32_t i = 0; i < 200'000; ++i) blamed += table.add(numbered(i), noon, 50) > 0;
  CHECK(blamed == 0);
  CHECK(table.add(address("192.0.2.1"), noon, 50) > 0);
}

TEST_CASE("connections are counted up and down, and strangers hardly count") {
  const auto counts = std::make_unique<ClientCounts>();
  const ClientCounts::Place one = counts->place(address("192.0.2.1"));
  CHECK(counts->add(one) == 1);
  CHECK(counts->add(one) == 2);
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i) most = std::max(most, counts->add(counts->place(numbered(i))));
  CHECK(most <= 5);
  for (std::uint32_t i = 0; i < 10'000; ++i) counts->subtract(counts->place(numbered(i)));
  counts->subtract(one);
  CHECK(counts->add(one) == 2);
}

TEST_CASE("a pace is an average over a window of waiting") {
  Pace pace;
  CHECK_FALSE(pace.too_slow(1, 900ms, 100, 1s));
  CHECK(pace.too_slow(1, 100ms, 100, 1s));
  CHECK_FALSE(pace.too_slow(100, 1s, 100, 1s));  // begun anew
  CHECK_FALSE(pace.too_slow(1, 500ms, 100, 1s));
  CHECK_FALSE(pace.too_slow(99, 500ms, 100, 1s));
  CHECK_FALSE(pace.too_slow(0, 0ms, 100, 1s));  // nobody waited
  CHECK_FALSE(Pace().too_slow(0, 1h, 0, 1s));
}

TEST_CASE("narrower bounds of a head hold, and are known as soon as they are broken") {
  const std::string head = "GET /0123456789 HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
  const auto verdict = [](std::string_view bytes, const HeadLimits& bounds) {
    RequestReader reader;
    const auto into = std::make_unique<RequestHead>();
    return reader.feed(bytes, *into, bounds) == HeadStatus::incomplete ? HeadError::none : reader.error();
  };
  CHECK(verdict(head, {head.size(), 11, 2}) == HeadError::none);
  CHECK(verdict(head + "GET / HTTP/1.1\r\n", {head.size(), 11, 2}) == HeadError::none);
  CHECK(verdict(head, {head.size() - 1, 11, 2}) == HeadError::head_too_long);
  CHECK(verdict(head, {head.size(), 10, 2}) == HeadError::target_too_long);
  CHECK(verdict(head, {head.size(), 11, 1}) == HeadError::too_many_fields);
  CHECK(verdict(head.substr(0, 31), {30, 11, 2}) == HeadError::head_too_long);
  CHECK(verdict(head.substr(0, 30), {30, 11, 2}) == HeadError::none);
}
