// Which address of several a request goes to, and when one is left alone.

#include "proxy/upstream_address.hpp"

#include <doctest/doctest.h>
#include <vector>

#include "conf/limits.hpp"

using namespace postern;
using namespace std::chrono_literals;

namespace {

const Clock::time_point start{std::chrono::hours(1)};

/// Fails as often as it takes at `now`; true when the last time ejects.
bool eject(AddressHealth& health, Clock::time_point now) {
  for (std::uint32_t i = 1; i < limits::ejection_failures; ++i) CHECK_FALSE(health.failed(now));
  return health.failed(now);
}

std::size_t chosen(const std::vector<Candidate>& candidates, std::size_t turn,
                   Clock::time_point now = start) {
  std::vector<const Candidate*> pointers;
  for (const Candidate& one : candidates) pointers.push_back(&one);
  return choose(pointers, turn, now);
}

}  // namespace

TEST_CASE("failures in a row eject an address, fewer do not") {
  AddressHealth health;
  CHECK(health.usable(start));
  CHECK(eject(health, start));
  CHECK_FALSE(health.usable(start));
  CHECK_FALSE(health.usable(start + limits::ejection_time_min - 1ms));
  CHECK(health.usable(start + limits::ejection_time_min));
}

TEST_CASE("an answer in between begins the count anew") {
  AddressHealth health;
  CHECK_FALSE(health.failed(start));
  CHECK_FALSE(health.failed(start));
  health.answered(start);
  CHECK(eject(health, start));
}

TEST_CASE("failures far apart are not in a row") {
  AddressHealth health;
  for (int i = 0; i < 20; ++i) CHECK_FALSE(health.failed(start + i * (limits::ejection_window + 1s)));
  CHECK(health.usable(start + 1h));
}

TEST_CASE("right after an ejection one failure is enough, and the time doubles up to its bound") {
  AddressHealth health;
  CHECK(eject(health, start));
  Clock::duration expected = limits::ejection_time_min;
  for (int i = 0; i < 40; ++i) {
    CAPTURE(i);
    CHECK(health.ejected_until() - health.ejected_at() == expected);
    const auto back = health.ejected_until();
    CHECK(health.usable(back));
    CHECK(health.failed(back));
    expected = std::min<Clock::duration>(expected * 2, limits::ejection_time_max);
  }
  CHECK(expected == limits::ejection_time_max);
}

TEST_CASE("failures while ejected do not prolong it") {
  AddressHealth health;
  CHECK(eject(health, start));
  const auto until = health.ejected_until();
  for (int i = 0; i < 10; ++i) CHECK_FALSE(health.failed(start));
  CHECK(health.ejected_until() == until);
}

TEST_CASE("an address that does well for a while is a stranger again") {
  AddressHealth health;
  CHECK(eject(health, start));
  health.answered(health.ejected_until() + limits::ejection_window + 1s);
  const auto later = start + 1min;
  CHECK(eject(health, later));
  CHECK(health.ejected_until() - later == limits::ejection_time_min);
}

TEST_CASE("one that only answers now and then is not") {
  AddressHealth health;
  CHECK(eject(health, start));
  const auto back = health.ejected_until();
  health.answered(back);
  CHECK(health.failed(back + 1ms));
  CHECK(health.ejected_until() - health.ejected_at() == 2 * limits::ejection_time_min);
}

TEST_CASE("fewest in flight, and equals take turns") {
  std::vector<Candidate> three(3);
  CHECK(chosen(three, 0) == 0);
  CHECK(chosen(three, 1) == 1);
  CHECK(chosen(three, 2) == 2);
  CHECK(chosen(three, 3) == 0);
  three[0].in_flight = 2;
  three[1].in_flight = 1;
  three[2].in_flight = 1;
  CHECK(chosen(three, 0) == 1);
  CHECK(chosen(three, 2) == 2);
  three[1].in_flight = 0;
  CHECK(chosen(three, 2) == 1);
}

TEST_CASE("an ejected or unhealthy address is not chosen while another is usable") {
  std::vector<Candidate> three(3);
  three[2].in_flight = 100;
  CHECK(eject(three[0].health, start));
  three[1].health.set_healthy(false);
  for (std::size_t turn = 0; turn < 3; ++turn) CHECK(chosen(three, turn) == 2);
  three[1].health.set_healthy(true);
  CHECK(chosen(three, 0) == 1);
}

TEST_CASE("when all are ejected the one ejected longest ago is tried") {
  std::vector<Candidate> three(3);
  CHECK(eject(three[1].health, start));
  CHECK(eject(three[0].health, start + 1ms));
  CHECK(eject(three[2].health, start + 2ms));
  for (std::size_t turn = 0; turn < 3; ++turn) CHECK(chosen(three, turn, start + 3ms) == 1);
}

TEST_CASE("what was tried is left out") {
  const Candidate one;
  const std::vector<const Candidate*> candidates = {nullptr, &one, nullptr};
  CHECK(choose(candidates, 2, start) == 1);
  const std::vector<const Candidate*> none = {nullptr, nullptr};
  CHECK(choose(none, 1, start) == 2);
  CHECK(choose({}, 7, start) == 0);
}
