// Connections to the upstream: lent last in first out, dropped when they are of no use any more.

#include "proxy/upstream_pool.hpp"

#include "tests/proxy/pools.hpp"

using namespace postern;
using namespace postern::test;

TEST_CASE("a connection is made, given back and lent again") {
  const Port port;
  Pool test({port.address});
  const auto body = [&]() -> Task<void> {
    CHECK_FALSE(test.pool.lease_kept().stream);
    Lease lease = co_await test.pool.connect(test.attempt);
    REQUIRE(lease.stream);
    CHECK_FALSE(lease.reused);
    const Peer upstream = port.accept();
    CHECK(test.metrics.upstream_open.get() == 1);
    const int fd = lease.stream->fd();
    test.pool.give_back(std::move(lease));
    CHECK(test.metrics.upstream_idle.get() == 1);
    Lease again = test.pool.lease_kept();
    REQUIRE(again.stream);
    CHECK(again.reused);
    CHECK(again.stream->fd() == fd);
    CHECK(test.metrics.upstream_idle.get() == 0);
    CHECK(test.metrics.upstream_reuses.get() == 1);
    test.pool.discard(std::move(again));
    CHECK(test.metrics.upstream_open.get() == 0);
  };
  test.run(body());
}

TEST_CASE("the connection given back last is lent first") {
  const Port port;
  Pool test({port.address});
  const auto body = [&]() -> Task<void> {
    std::vector<Peer> upstreams;
    std::vector<Lease> leases;
    std::vector<int> fds;
    for (int i = 0; i < 3; ++i) {
      Lease lease = co_await test.pool.connect(test.attempt);
      REQUIRE(lease.stream);
      upstreams.push_back(port.accept());
      fds.push_back(lease.stream->fd());
      leases.push_back(std::move(lease));
    }
    for (Lease& lease : leases) test.pool.give_back(std::move(lease));
    for (const std::size_t expected : {2u, 1u, 0u}) {
      Lease lease = test.pool.lease_kept();
      REQUIRE(lease.stream);
      CHECK(lease.stream->fd() == fds[expected]);
      test.pool.discard(std::move(lease));
    }
    CHECK_FALSE(test.pool.lease_kept().stream);
  };
  test.run(body());
}

TEST_CASE("an idle connection that the upstream closes, or speaks on, is dropped") {
  for (const bool speaks : {false, true}) {
    CAPTURE(speaks);
    const Port port;
    Pool test({port.address});
    const auto body = [&]() -> Task<void> {
      Lease lease = co_await test.pool.connect(test.attempt);
      REQUIRE(lease.stream);
      Peer upstream = port.accept();
      test.pool.give_back(std::move(lease));
      if (speaks)
        upstream.say("HTTP/1.1 408 Request Timeout\r\n\r\n");
      else
        upstream.close();
      co_await test.settle();
      CHECK(test.metrics.upstream_idle.get() == 0);
      CHECK(test.metrics.upstream_open.get() == 0);
      CHECK_FALSE(test.pool.lease_kept().stream);
      if (speaks) CHECK(upstream.hear().empty());  // closed by us
    };
    test.run(body());
  }
}

TEST_CASE("bytes beyond an answer poison a connection") {
  const Port port;
  Pool test({port.address});
  const auto body = [&]() -> Task<void> {
    Lease lease = co_await test.pool.connect(test.attempt);
    REQUIRE(lease.stream);
    const Peer upstream = port.accept();
    upstream.say("answerX");
    char room[6];
    const IoResult read = co_await read_some(*lease.stream, room, Wait::idle);
    CHECK(read.bytes == 6);  // filled to the byte: more may be there, and is
    test.pool.give_back(std::move(lease));
    CHECK(test.metrics.upstream_open.get() == 0);
    CHECK_FALSE(test.pool.lease_kept().stream);
  };
  test.run(body());
}

TEST_CASE("an answer that filled the buffer to the byte does not") {
  const Port port;
  Pool test({port.address});
  const auto body = [&]() -> Task<void> {
    Lease lease = co_await test.pool.connect(test.attempt);
    REQUIRE(lease.stream);
    const Peer upstream = port.accept();
    upstream.say("answer");
    char room[6];
    const IoResult read = co_await read_some(*lease.stream, room, Wait::idle);
    CHECK(read.bytes == 6);
    CHECK(lease.stream->readable());
    test.pool.give_back(std::move(lease));
    Lease again = test.pool.lease_kept();
    REQUIRE(again.stream);
    empty(*again.stream);
    upstream.say("second");
    const IoResult second = co_await read_some(*again.stream, room, Wait::idle);
    CHECK(second.bytes == 6);
    test.pool.discard(std::move(again));
  };
  test.run(body());
}

TEST_CASE("no more connections than allowed, busy and idle together") {
  const Port port;
  Pool test({port.address});
  test.pool.set_connections_max(2);
  const auto body = [&]() -> Task<void> {
    Lease first = co_await test.pool.connect(test.attempt);
    Lease second = co_await test.pool.connect(test.attempt);
    REQUIRE(second.stream);
    Lease third = co_await test.pool.connect(test.attempt);
    CHECK_FALSE(third.stream);
    CHECK(third.error == ConnectError::no_capacity);
    test.pool.discard(std::move(first));
    Lease fourth = co_await test.pool.connect(test.attempt);
    CHECK(fourth.stream);
    test.pool.discard(std::move(second));
    test.pool.discard(std::move(fourth));
  };
  test.run(body());
}

TEST_CASE("idle connections at the limit do not keep a fresh one from being made") {
  const Port port;
  Pool test({port.address});
  test.pool.set_connections_max(2);
  const auto body = [&]() -> Task<void> {
    Lease oldest = co_await test.pool.connect(test.attempt);
    Lease newest = co_await test.pool.connect(test.attempt);
    REQUIRE(newest.stream);
    const Peer oldest_upstream = port.accept();
    const Peer newest_upstream = port.accept();
    const int kept = newest.stream->fd();
    test.pool.give_back(std::move(oldest));
    test.pool.give_back(std::move(newest));
    Lease fresh = co_await test.pool.connect(test.attempt);  // as an upgrade needs one
    REQUIRE(fresh.stream);
    CHECK(oldest_upstream.hear().empty());
    CHECK(test.metrics.upstream_open.get() == 2);
    Lease reused = test.pool.lease_kept();
    REQUIRE(reused.stream);
    CHECK(reused.stream->fd() == kept);
    test.pool.discard(std::move(fresh));
    test.pool.discard(std::move(reused));
  };
  test.run(body());
}

TEST_CASE("what an upstream says before it is asked is heard") {
  const Port port;
  Pool test({port.address});
  const auto body = [&]() -> Task<void> {
    Lease lease = co_await test.pool.connect(test.attempt);
    REQUIRE(lease.stream);
    char room[64];
    const IoResult read = co_await read_some(*lease.stream, room, Wait::idle);
    CHECK(std::string_view(room, read.bytes) == "HTTP/1.1 503 Busy\r\n");
    test.pool.discard(std::move(lease));
    test.reactor->stop();
  };
  Task<void> task = body();
  task.start();  // connecting; its event and that of the first bytes come together
  const Peer upstream = port.accept();
  upstream.say("HTTP/1.1 503 Busy\r\n");
  test.reactor->run([] {});
  CHECK(task.done());
}

TEST_CASE("addresses are tried in order") {
  const Port closed(-1);
  const Port port;
  Pool test({closed.address, port.address});
  const auto body = [&]() -> Task<void> {
    Lease lease = co_await test.pool.connect(test.attempt);
    REQUIRE(lease.stream);
    CHECK(lease.error == ConnectError::none);
    CHECK(test.metrics.upstream_connect_failures.get() == 0);
    test.pool.discard(std::move(lease));
    test.use({closed.address});
    lease = co_await test.pool.connect(test.attempt);
    CHECK_FALSE(lease.stream);
    CHECK(lease.error == ConnectError::unreachable);
    test.use({});
    lease = co_await test.pool.connect(test.attempt);
    CHECK(lease.error == ConnectError::unreachable);
    CHECK(test.metrics.upstream_connect_failures.get() == 2);
    CHECK(test.metrics.upstream_open.get() == 0);
  };
  test.run(body());
}

TEST_CASE("an upstream that does not take the connection times out") {
  const Port port(0);
  std::vector<Peer> queue;  // fills the backlog, so that the next one gets no answer
  for (int i = 0; i < 4; ++i) {
    queue.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    static_cast<void>(::connect(queue.back().fd(), port.address.get(), port.address.size));
  }
  Pool test({port.address});
  const auto body = [&]() -> Task<void> {
    Lease lease = co_await test.pool.connect(test.attempt);
    CHECK_FALSE(lease.stream);
    CHECK(lease.error == ConnectError::timed_out);
    CHECK(test.metrics.upstream_open.get() == 0);
  };
  test.run(body());
}

TEST_CASE("an idle connection ends with its deadline") {
  using namespace std::chrono_literals;
  const Port port;
  Pool test({port.address});
  test.reactor->deadlines().set_durations({20s, 20s, 10ms, 20s, 20s, 20s, 0s});
  const auto body = [&]() -> Task<void> {
    Lease lease = co_await test.pool.connect(test.attempt);
    REQUIRE(lease.stream);
    const Peer upstream = port.accept();
    test.pool.give_back(std::move(lease));
    const auto [near, far] = socket_pair();
    const Peer end(far);
    SocketStream quiet(*test.reactor, near);
    REQUIRE(quiet.open());
    char room[1];
    const IoResult waited = co_await read_some(quiet, room, Wait::idle);  // armed after it, so due after it
    CHECK(waited.status == IoStatus::timed_out);
    CHECK(test.metrics.upstream_idle.get() == 0);
    CHECK(upstream.hear().empty());
  };
  test.run(body());
}

TEST_CASE("closing what is idle leaves what is lent") {
  const Port port;
  Pool test({port.address});
  const auto body = [&]() -> Task<void> {
    Lease idle = co_await test.pool.connect(test.attempt);
    Lease lent = co_await test.pool.connect(test.attempt);
    REQUIRE(lent.stream);
    const Peer idle_upstream = port.accept();
    const Peer lent_upstream = port.accept();
    test.pool.give_back(std::move(idle));
    test.pool.close_idle();
    CHECK(idle_upstream.hear().empty());
    CHECK(test.metrics.upstream_open.get() == 1);
    test.pool.give_back(std::move(lent));
    CHECK(test.metrics.upstream_idle.get() == 1);
  };
  test.run(body());
}

TEST_CASE("a request goes to the address with the fewest in flight, and equals take turns") {
  const Port a;
  const Port b;
  Pool test({a.address, b.address});
  const auto body = [&]() -> Task<void> {
    Lease first = co_await test.pool.connect(test.attempt);
    Lease second = co_await test.pool.connect(test.attempt);
    REQUIRE(second.stream);
    CHECK(first.address != second.address);
    UpstreamPool::Address* const freed = first.address;
    test.pool.give_back(std::move(first));
    Lease third = test.pool.lease_kept();  // the other one is busy
    REQUIRE(third.stream);
    CHECK(third.address == freed);
    const auto in_flight = [&](std::size_t slot) {
      return test.pool.metrics().addresses[slot].in_flight.get();
    };
    CHECK(in_flight(0) == 1);
    CHECK(in_flight(1) == 1);
    test.pool.give_back(std::move(third));
    test.pool.give_back(std::move(second));
    CHECK(in_flight(0) + in_flight(1) == 0);
    for (int i = 0; i < 4; ++i) {
      Lease lease = test.pool.lease_kept();
      REQUIRE(lease.stream);
      test.pool.give_back(std::move(lease));
    }
    CHECK(test.pool.metrics().addresses[0].requests.get() >= 3);
    CHECK(test.pool.metrics().addresses[1].requests.get() >= 3);
  };
  test.run(body());
}

TEST_CASE("an address that keeps refusing is left alone, and tried when there is no other") {
  const Port closed(-1);
  const Port port;
  Pool test({closed.address, port.address});
  const AddressMetrics& bad = test.pool.metrics().addresses[0];
  const auto body = [&]() -> Task<void> {
    for (int i = 0; i < 20; ++i) {
      Lease lease = co_await test.pool.connect(test.attempt);
      REQUIRE(lease.stream);
      test.pool.discard(std::move(lease));
    }
    CHECK(bad.failures.get() == limits::ejection_failures);
    CHECK(bad.ejections.get() == 1);
    CHECK(bad.ejected_until_ms.get() > 0);
    CHECK(bad.in_flight.get() == 0);
    test.use({closed.address});
    Lease lease = co_await test.pool.connect(test.attempt);
    CHECK_FALSE(lease.stream);
    CHECK(bad.failures.get() == limits::ejection_failures + 1);
  };
  test.run(body());
}

TEST_CASE("an unhealthy address is left alone until it is well") {
  const Port a;
  const Port b;
  Pool test({a.address, b.address});
  test.pool.set_healthy(0, false);
  const auto body = [&]() -> Task<void> {
    for (const bool healthy : {false, true}) {
      test.pool.set_healthy(0, healthy);
      for (int i = 0; i < 4; ++i) {
        Lease lease = co_await test.pool.connect(test.attempt);
        test.pool.discard(std::move(lease));
      }
      CHECK((test.pool.metrics().addresses[0].requests.get() > 0) == healthy);
    }
  };
  test.run(body());
}

TEST_CASE("an address that is gone gets no request, its idle connections close and its busy ones end") {
  const Port gone;
  const Port stays;
  Pool test({gone.address});
  const auto body = [&]() -> Task<void> {
    Lease idle = co_await test.pool.connect(test.attempt);
    Lease busy = co_await test.pool.connect(test.attempt);
    Lease another = co_await test.pool.connect(test.attempt);
    REQUIRE(another.stream);
    const Peer idle_upstream = gone.accept();
    const Peer busy_upstream = gone.accept();
    const Peer another_upstream = gone.accept();
    test.pool.give_back(std::move(idle));
    test.use({stays.address});  // in the same slot
    CHECK(idle_upstream.hear().empty());
    CHECK_FALSE(test.pool.lease_kept().stream);
    Lease fresh = co_await test.pool.connect(test.attempt);
    REQUIRE(fresh.stream);
    const Peer stays_upstream = stays.accept();
    CHECK(test.pool.metrics().addresses[0].in_flight.get() == 1);
    test.pool.answered(*busy.address);
    test.pool.failed(*another.address);
    test.pool.give_back(std::move(busy));  // complete, but not to be used again
    CHECK(busy_upstream.hear().empty());
    test.pool.discard(std::move(another));
    CHECK(another_upstream.hear().empty());
    CHECK(test.pool.metrics().addresses[0].in_flight.get() == 1);
    CHECK(test.pool.metrics().addresses[0].failures.get() == 0);
    test.pool.give_back(std::move(fresh));
    CHECK(test.metrics.upstream_open.get() == 1);
  };
  test.run(body());
}

TEST_CASE("an address that stays keeps its connections") {
  const Port stays;
  const Port comes;
  Pool test({stays.address});
  const auto body = [&]() -> Task<void> {
    Lease lease = co_await test.pool.connect(test.attempt);
    REQUIRE(lease.stream);
    const Peer upstream = stays.accept();
    const int fd = lease.stream->fd();
    test.pool.give_back(std::move(lease));
    test.use({stays.address, comes.address});
    test.use({stays.address});
    Lease again = test.pool.lease_kept();
    REQUIRE(again.stream);
    CHECK(again.stream->fd() == fd);
    test.pool.discard(std::move(again));
  };
  test.run(body());
}

TEST_CASE("an address that is found under another name is another one") {
  const Port port;
  Pool test({});
  const auto body = [&]() -> Task<void> {
    const UpstreamTarget before[] = {{port.address, 0, "old.test"}};
    const UpstreamTarget after[] = {{port.address, 0, "new.test"}};
    test.pool.set_targets(before);
    Lease lease = co_await test.pool.connect(test.attempt);
    REQUIRE(lease.stream);
    const Peer upstream = port.accept();
    test.pool.give_back(std::move(lease));
    test.pool.set_targets(after);
    // What was verified for the old name is not for the new one.
    CHECK(test.metrics.upstream_idle.get() == 0);
    CHECK_FALSE(test.pool.lease_kept().stream);
  };
  test.run(body());
}
