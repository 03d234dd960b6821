#include "proxy/ticket_keys.hpp"

#include <doctest/doctest.h>

using namespace postern;

namespace {

const Clock::time_point start{};

bool knows(TicketKeys& keys, const TicketKey& key, Clock::time_point now) {
  return keys.find(key.name, now) != nullptr;
}

}  // namespace

TEST_CASE("all copies have the same keys at the same time") {
  TicketKeys one = TicketKeys::make(start);
  TicketKeys other = one;
  for (int i = 0; i < 5; ++i) {
    const auto now = start + i * TicketKeys::lifetime;
    CHECK(one.current(now).name == other.current(now).name);
    CHECK(one.current(now).cipher == other.current(now).cipher);
    CHECK(one.current(now).mac == other.current(now).mac);
  }
  TicketKeys late = TicketKeys::make(start);
  CHECK(late.current(start).name != one.current(start + 4 * TicketKeys::lifetime).name);
}

TEST_CASE("a key seals for one lifetime, opens for a second one, and is gone") {
  TicketKeys keys = TicketKeys::make(start);
  const TicketKey first = keys.current(start);
  CHECK(keys.current(start + TicketKeys::lifetime - std::chrono::seconds(1)).name == first.name);
  const auto second = start + TicketKeys::lifetime;
  CHECK(keys.current(second).name != first.name);
  CHECK(keys.current(second).cipher != first.cipher);
  CHECK(keys.current(second).mac != first.mac);
  CHECK(knows(keys, first, second));
  CHECK_FALSE(knows(keys, first, second + TicketKeys::lifetime));
  CHECK_FALSE(knows(keys, TicketKey{}, second));
}

TEST_CASE("a shard that slept has the keys of those that did not") {
  TicketKeys awake = TicketKeys::make(start);
  TicketKeys asleep = awake;
  const auto now = start + 100 * TicketKeys::lifetime;
  for (int i = 1; i <= 100; ++i) (void)awake.current(start + i * TicketKeys::lifetime);
  CHECK(awake.current(now).name == asleep.current(now).name);
}
