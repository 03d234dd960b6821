// The memory of exchanges: the warmest is lent first, and what nobody needs goes back to the system.

#include <algorithm>
#include <doctest/doctest.h>
#include <vector>

#include "proxy/exchange.hpp"

using namespace postern;
using namespace std::chrono_literals;

namespace {

struct Pool {
  std::unique_ptr<Reactor> reactor = std::move(*Reactor::make());
  ExchangePool pool{*reactor};
  Clock::time_point now = reactor->now();

  Pool() { reactor->deadlines().set_durations(Timeouts{}); }
  std::vector<Exchange*> lend(std::size_t count) {
    std::vector<Exchange*> lent;
    while (lent.size() < count) {
      lent.push_back(pool.lend());
      REQUIRE(lent.back());
    }
    return lent;
  }
  /// In the order in which they were lent, each with a mark that goes with its page.
  void give_back(const std::vector<Exchange*>& lent) {
    for (Exchange* exchange : lent) {
      exchange->in[0] = 'x';
      pool.give_back(exchange);
    }
  }
  void wait() {
    now += 1s;
    reactor->step(now, [](std::span<epoll_event>) {});
  }
  /// How many of the next ones still have their pages.
  std::size_t warm_among(std::size_t count) {
    const std::vector<Exchange*> lent = lend(count);
    const auto warm = std::count_if(lent.begin(), lent.end(),
                                    [](const Exchange* exchange) { return exchange->in[0] == 'x'; });
    give_back(lent);
    return static_cast<std::size_t>(warm);
  }
};

TEST_CASE_FIXTURE(Pool, "the exchange that was given back last is lent first") {
  const std::vector<Exchange*> lent = lend(3);
  give_back(lent);
  CHECK(pool.lend() == lent[2]);
  CHECK(pool.lend() == lent[1]);
  pool.give_back(lent[2]);
  CHECK(pool.lend() == lent[2]);
  give_back({lent[1], lent[2]});
}

TEST_CASE_FIXTURE(Pool, "what nobody has needed for a while gives its pages back, a few keep them") {
  give_back(lend(40));
  CHECK(warm_among(40) == 40);
  wait();  // they were needed a moment ago
  wait();
  CHECK(warm_among(40) == 8);
  CHECK(warm_among(40) == 40);
}

TEST_CASE_FIXTURE(Pool, "what is needed now and then stays warm") {
  give_back(lend(40));
  for (int turn = 0; turn < 5; ++turn) {
    give_back(lend(20));
    wait();
  }
  CHECK(warm_among(40) == 20 + 8);
}

TEST_CASE_FIXTURE(Pool, "after a burst the pages go back a part at a time") {
  give_back(lend(400));
  wait();
  wait();
  const std::size_t warm = warm_among(400);
  CHECK(warm > 8);
  CHECK(warm < 400);
}

TEST_CASE_FIXTURE(Pool, "an exchange that served somebody begins anew") {
  Exchange* exchange = pool.lend();
  exchange->next_request();
  exchange->head_complete = exchange->upgrade = exchange->trailers = true;
  exchange->facts.status = 200;
  exchange->facts.subject.assign("alice");
  exchange->claim.token = OpenClaim::Token::valid;
  exchange->subject_block_size = 10;
  exchange->in_window = {3, 9};  // bytes that its client has sent ahead
  pool.give_back(exchange);
  REQUIRE(pool.lend() == exchange);
  CHECK(exchange->in_window.empty());
  exchange->next_request();
  CHECK_FALSE((exchange->head_complete || exchange->upgrade || exchange->trailers));
  CHECK(exchange->facts.status == 0);
  CHECK(exchange->facts.subject.empty());
  CHECK(exchange->claim.token == OpenClaim::Token::none);
  CHECK(exchange->subject_block_size == 0);
  pool.give_back(exchange);
}

}  // namespace
