// Who never has to wait hands the shard on all the same, and soon enough.

#include "proxy/turn.hpp"

#include "tests/proxy/sockets.hpp"

using namespace postern;
using namespace postern::test;

TEST_CASE("a turn ends with its bytes or with its steps") {
  Loop loop;
  Turn by_bytes(*loop.reactor);
  CHECK(by_bytes.over(limits::turn_bytes));
  Turn by_steps(*loop.reactor);
  std::size_t steps = 1;
  while (!by_steps.over(0)) ++steps;
  CHECK(steps == limits::turn_bytes / limits::turn_step_bytes);
}

TEST_CASE("an event that comes during a long transfer is handled in the middle of it") {
  Loop loop;
  const auto [near, far] = socket_pair();
  const Peer end(far);
  SocketStream stream(*loop.reactor, near);
  REQUIRE(stream.open());
  constexpr int all = 1000;
  int steps = 0;
  int seen_after = -1;

  const auto transfer = [&]() -> Task<void> {
    Turn turn(*loop.reactor);
    for (; steps < all; ++steps) {
      if (steps == 1) end.say("x");
      if (turn.over(64 * 1024)) co_await next_round(*loop.reactor);
    }
  };
  const auto body = [&]() -> Task<void> {
    char room[2];
    CHECK(stream.try_read(room).status == IoStatus::would_block);
    Task<void> beside = transfer();
    beside.start();
    const IoResult read = co_await read_some(stream, room, Wait::idle);
    CHECK(read.bytes == 1);
    seen_after = steps;
    co_await beside.join();
  };
  loop.run(body());
  CHECK(steps == all);
  CHECK(seen_after >= 1);
  CHECK(seen_after < 2 * static_cast<int>(limits::turn_bytes / (64 * 1024)));
}

TEST_CASE("a wait in between begins a new turn") {
  Loop loop;
  const auto body = [&]() -> Task<void> {
    Turn turn(*loop.reactor);
    CHECK_FALSE(turn.over(limits::turn_bytes - 2 * limits::turn_step_bytes));
    co_await next_round(*loop.reactor);
    CHECK_FALSE(turn.over(limits::turn_bytes - 2 * limits::turn_step_bytes));
  };
  loop.run(body());
}
