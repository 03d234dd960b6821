// Deadlines: sorted lists without a sort.

#include "proxy/deadline.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <random>
#include <vector>

using namespace postern;
using namespace std::chrono_literals;

namespace {

Timeouts timeouts() {
  return {10s, 30s, 60s, 2s, 30s, 25s, 0s};
}

/// Notes that it expired; may do something then.
class Noted final : public Deadline {
 public:
  explicit Noted(std::vector<int>& order, int name = 0) : order_(order), name_(name) {}
  void expire() noexcept override {
    CHECK_FALSE(armed());
    order_.push_back(name_);
    if (then_) then_();
  }
  void then(std::function<void()> action) { then_ = std::move(action); }

 private:
  std::vector<int>& order_;
  int name_;
  std::function<void()> then_;
};

struct Lists {
  Lists() { lists.set_durations(timeouts()); }
  DeadlineLists lists;
  std::vector<int> order;
  Clock::time_point start = Clock::time_point(1000s);
};

using Order = std::vector<int>;

}  // namespace

TEST_CASE_FIXTURE(Lists, "nothing armed is never due") {
  CHECK(lists.earliest() == Clock::time_point::max());
  lists.expire(Clock::time_point::max());
  CHECK(order.empty());
}

TEST_CASE_FIXTURE(Lists, "a deadline is due when its time has come, and not a tick before") {
  Noted head(order);
  lists.arm(head, Wait::head, start);
  CHECK(head.armed());
  CHECK(lists.earliest() == start + 10s);
  lists.expire(start + 10s - 1ns);
  CHECK(order.empty());
  lists.expire(start + 10s);
  CHECK(order == Order{0});
  CHECK(lists.earliest() == Clock::time_point::max());
}

TEST_CASE_FIXTURE(Lists, "the earliest is found among all kinds of waits") {
  Noted idle(order, 1);
  Noted connect(order, 2);
  Noted head(order, 3);
  lists.arm(idle, Wait::idle, start);
  lists.arm(connect, Wait::connect, start + 20s);
  lists.arm(head, Wait::head, start + 5s);
  CHECK(lists.earliest() == start + 15s);
  head.disarm();
  CHECK(lists.earliest() == start + 22s);
  lists.expire(start + 30s);
  CHECK(order == Order{2});
}

TEST_CASE_FIXTURE(Lists, "deadlines of a kind expire in order, those of one instant as they were armed") {
  Noted a(order, 1), b(order, 2), c(order, 3), d(order, 4);
  lists.arm(b, Wait::head, start + 1s);
  lists.arm(c, Wait::head, start + 1s);
  lists.arm(a, Wait::head, start);  // a wait that began earlier
  lists.arm(d, Wait::head, start + 1s);
  CHECK(lists.earliest() == start + 10s);
  lists.expire(start + 60s);
  CHECK(order == Order{1, 2, 3, 4});
}

TEST_CASE_FIXTURE(Lists, "arming again moves a deadline, also to another kind") {
  Noted a(order, 1), b(order, 2);
  lists.arm(a, Wait::head, start);
  lists.arm(b, Wait::head, start + 1s);
  lists.arm(a, Wait::head, start + 2s);
  CHECK(lists.earliest() == start + 11s);
  lists.arm(b, Wait::connect, start);
  CHECK(lists.earliest() == start + 2s);
  lists.expire(start + 2s);
  CHECK(order == Order{2});
  CHECK(a.armed());
}

TEST_CASE_FIXTURE(Lists, "durations changed by a reload hold for what is armed from then on") {
  Noted a(order, 1), b(order, 2);
  lists.arm(a, Wait::head, start);
  Timeouts shorter = timeouts();
  shorter.head = 1s;
  lists.set_durations(shorter);
  CHECK(lists.duration(Wait::head) == 1s);
  lists.arm(b, Wait::head, start);
  CHECK(lists.earliest() == start + 1s);
  lists.expire(start + 1s);
  CHECK(order == Order{2});
  lists.expire(start + 10s);
  CHECK(order == Order{2, 1});
}

TEST_CASE_FIXTURE(Lists, "a deadline that dies leaves its list whole") {
  Noted a(order, 1), c(order, 3);
  auto b = std::make_unique<Noted>(order, 2);
  lists.arm(a, Wait::idle, start);
  lists.arm(*b, Wait::idle, start);
  lists.arm(c, Wait::idle, start);
  b.reset();
  lists.expire(start + 60s);
  CHECK(order == Order{1, 3});
}

TEST_CASE_FIXTURE(Lists, "what expires may arm itself anew and disarm or destroy its neighbours") {
  Noted a(order, 1), b(order, 2);
  auto c = std::make_unique<Noted>(order, 3);
  a.then([&] {
    b.disarm();
    c.reset();
    lists.arm(a, Wait::head, start + 10s);
  });
  lists.arm(a, Wait::head, start);
  lists.arm(b, Wait::head, start);
  lists.arm(*c, Wait::head, start);
  lists.expire(start + 10s);
  CHECK(order == Order{1});
  CHECK(lists.earliest() == start + 20s);
}

TEST_CASE_FIXTURE(Lists, "disarming twice, or what was never armed, does nothing") {
  Noted a(order);
  a.disarm();
  lists.arm(a, Wait::unused, start);
  a.disarm();
  a.disarm();
  CHECK(lists.earliest() == Clock::time_point::max());
}

TEST_CASE_FIXTURE(Lists, "a rule's own time ends its waits and nobody else's") {
  Noted usual(order, 0), shorter(order, 1), longer(order, 2), same(order, 3);
  lists.arm(usual, Wait::response, start);
  lists.arm(shorter, {Wait::response, 500}, start);
  lists.arm(longer, {Wait::body, 60'000}, start);
  lists.arm(same, {Wait::idle, 500}, start);
  CHECK(lists.duration({Wait::response, 500}) == 500ms);
  CHECK(lists.duration(Wait::response) == 30s);
  CHECK(lists.earliest() == start + 500ms);
  lists.expire(start + 500ms);
  CHECK(order == Order{1, 3});
  lists.expire(start + 30s);
  lists.expire(start + 60s);
  CHECK(order == Order{1, 3, 0, 2});
}

TEST_CASE_FIXTURE(Lists, "more different times than a policy may have are waited for all the same") {
  // Reloads bring them, while those of before are still waited for.
  std::vector<std::unique_ptr<Noted>> all;
  for (std::uint32_t i = 0; i < 3 * limits::rule_durations_max; ++i) {
    all.push_back(std::make_unique<Noted>(order, static_cast<int>(i)));
    lists.arm(*all.back(), {Wait::idle, 10'000 - i}, start);
  }
  CHECK(lists.earliest() == start + 9953ms);
  lists.expire(start + 9953ms);
  CHECK(order == Order{47});
  for (auto at = start + 9954ms; at <= start + 10s; at += 1ms) lists.expire(at);
  CHECK(order.size() == all.size());
  CHECK(std::is_sorted(order.rbegin(), order.rend()));
}

TEST_CASE_FIXTURE(Lists, "against a plain search: random arming, moving and expiring") {
  std::mt19937 random(7);
  constexpr int count = 50;
  std::vector<std::unique_ptr<Noted>> all;
  std::vector<Clock::time_point> due(count, Clock::time_point::max());
  for (int i = 0; i < count; ++i) all.push_back(std::make_unique<Noted>(order, i));
  Clock::time_point now = start;
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t i = random() % count;
    const auto wait = static_cast<Wait>(random() % wait_count);
    now += std::chrono::milliseconds(random() % 700);
    if (random() % 4 == 0) {
      all[i]->disarm();
      due[i] = Clock::time_point::max();
    } else {
      const auto since = now - std::chrono::milliseconds(random() % 50);
      const Patience patience(wait, static_cast<std::uint32_t>(random() % 3 == 0 ? 1 + random() % 40 : 0));
      lists.arm(*all[i], patience, since);
      due[i] = since + lists.duration(patience);
    }
    REQUIRE(lists.earliest() == *std::min_element(due.begin(), due.end()));
    order.clear();
    lists.expire(now);
    for (const int name : order) {
      REQUIRE(due[static_cast<std::size_t>(name)] <= now);
      due[static_cast<std::size_t>(name)] = Clock::time_point::max();
    }
    REQUIRE(*std::min_element(due.begin(), due.end()) > now);
  }
}
