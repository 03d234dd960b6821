// Connecting to an upstream that lets us wait, or is called by another name now.

#include "tests/proxy/pools.hpp"

using namespace postern;
using namespace postern::test;

TEST_CASE("an attempt that is cancelled ends at once and blames nobody") {
  const Port full(0);
  Pool test({full.address});
  // Its queue takes one connection; what comes after it waits.
  const int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(filler, full.address.get(), full.address.size) == 0);
  const auto body = [&]() -> Task<void> {
    const Lease lease = co_await test.pool.connect(test.attempt);
    CHECK_FALSE(lease.stream);
    CHECK(lease.error == ConnectError::cancelled);
    test.reactor->stop();
  };
  Task<void> task = body();
  task.start();
  REQUIRE_FALSE(task.done());
  CHECK(test.metrics.upstream_open.get() == 1);
  test.attempt.cancel();
  test.reactor->run([] {});
  CHECK(task.done());
  CHECK(test.metrics.upstream_open.get() == 0);
  CHECK(test.metrics.upstream_connect_failures.get() == 0);
  CHECK(test.pool.metrics().addresses[0].failures.get() == 0);
  CHECK(test.pool.metrics().addresses[0].in_flight.get() == 0);
  ::close(filler);
}

TEST_CASE("an address that is written in another way is called by its new name, and keeps its connections") {
  const Port port;
  Pool test({port.address});
  test.pool.set_targets(std::vector<UpstreamTarget>{{port.address, 0, {}, "old"}});
  const auto body = [&]() -> Task<void> {
    Lease lease = co_await test.pool.connect(test.attempt);
    REQUIRE(lease.stream);
    const Peer upstream = port.accept();
    CHECK(UpstreamPool::authority(*lease.address) == "old");
    test.pool.give_back(std::move(lease));
    test.pool.set_targets(std::vector<UpstreamTarget>{{port.address, 0, {}, "new"}});
    Lease kept = test.pool.lease_kept();
    REQUIRE(kept.stream);
    CHECK(UpstreamPool::authority(*kept.address) == "new");
    test.pool.discard(std::move(kept));
  };
  test.run(body());
}
