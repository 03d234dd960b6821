// The loop and the waits on a connection, over socket pairs.

#include "proxy/stream.hpp"

#include <functional>
#include <thread>
#include <vector>

#include "tests/proxy/sockets.hpp"

using namespace postern;
using namespace postern::test;

namespace {

/// Counts the calls that reach the system.
class CountedStream final : public Stream {
 public:
  using Stream::Stream;
  int receives = 0;
  int sends = 0;

 protected:
  IoResult receive(std::span<char> buffer) noexcept override {
    ++receives;
    const ssize_t count = ::recv(fd(), buffer.data(), buffer.size(), 0);
    if (count > 0) return {static_cast<std::size_t>(count), IoStatus::ok};
    return {0, count == 0 ? IoStatus::eof : IoStatus::would_block};
  }
  IoResult send(std::span<const iovec> parts) noexcept override {
    ++sends;
    const ssize_t count = ::writev(fd(), parts.data(), static_cast<int>(parts.size()));
    if (count >= 0) return {static_cast<std::size_t>(count), IoStatus::ok};
    return {0, IoStatus::would_block};
  }
};

/// A stream in a loop, and its other end in the test's hands.
template <class Kind = SocketStream>
struct Pair : Loop {
  Pair() : Pair(socket_pair()) {}
  explicit Pair(std::pair<int, int> ends) : peer(ends.second) {
    stream = std::make_unique<Kind>(*reactor, ends.first);
    REQUIRE(stream->open());
  }
  Peer peer;
  std::unique_ptr<Kind> stream;
};

struct Heard {
  std::string bytes;
  IoStatus status = IoStatus::ok;
};

Task<Heard> read(Stream& stream, Wait wait = Wait::idle, std::size_t max = 100) {
  std::string room(max, '\0');
  const IoResult result = co_await read_some(stream, room, wait);
  co_return Heard{room.substr(0, result.bytes), result.status};
}

Task<IoResult> write(Stream& stream, std::string_view bytes, Wait wait = Wait::idle) {
  Pieces pieces;
  pieces.add(bytes);
  const IoResult result = co_await write_all(stream, pieces, wait);
  co_return result;
}

}  // namespace

TEST_CASE("a read waits for bytes and gets what is there") {
  Pair<> pair;
  const auto body = [&]() -> Task<void> {
    pair.peer.say("abc");
    const Heard first = co_await read(*pair.stream);
    CHECK(first.bytes == "abc");
    pair.peer.say("def");
    const Heard second = co_await read(*pair.stream);
    CHECK(second.bytes == "def");
  };
  pair.run(body());
}

TEST_CASE("after a short read nothing is tried before the next event") {
  Pair<CountedStream> pair;
  const auto body = [&]() -> Task<void> {
    pair.peer.say("abc");
    const Heard first = co_await read(*pair.stream);
    CHECK(first.bytes == "abc");
    const int receives = pair.stream->receives;
    char room[10];
    CHECK(pair.stream->try_read(room).status == IoStatus::would_block);
    CHECK_FALSE(pair.stream->readable());
    CHECK(pair.stream->receives == receives);
    pair.peer.say("d");
    CHECK(pair.stream->try_read(room).status == IoStatus::would_block);  // the event was not seen yet
    const Heard second = co_await read(*pair.stream);
    CHECK(second.bytes == "d");
    CHECK(pair.stream->receives == receives + 1);
  };
  pair.run(body());
}

TEST_CASE("after a read that filled its buffer the rest is read without waiting") {
  Pair<> pair;
  const auto body = [&]() -> Task<void> {
    pair.peer.say("abcdef");
    const Heard first = co_await read(*pair.stream, Wait::idle, 4);
    CHECK(first.bytes == "abcd");
    CHECK(pair.stream->readable());
    char room[10];
    CHECK(pair.stream->try_read(room).bytes == 2);
  };
  pair.run(body());
}

TEST_CASE("the end comes after the data before it, and stays") {
  for (const bool at_once : {true, false}) {
    CAPTURE(at_once);
    Pair<> pair;
    const auto body = [&]() -> Task<void> {
      pair.peer.say("last");
      if (at_once) pair.peer.shut_down();
      const Heard data = co_await read(*pair.stream);
      CHECK(data.bytes == "last");
      if (!at_once) pair.peer.shut_down();
      for (int i = 0; i < 2; ++i) {
        const Heard end = co_await read(*pair.stream);
        CHECK(end.status == IoStatus::eof);
      }
      CHECK_FALSE(pair.stream->hung_up());  // it still hears us
      const IoResult written = co_await write(*pair.stream, "answer");
      CHECK(written.ok());
      CHECK(pair.peer.hear() == "answer");
    };
    pair.run(body());
  }
}

TEST_CASE("a write of more than the socket holds goes on as the other side reads") {
  Pair<> pair;
  std::string sent(4 << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 % 251);
  std::string heard;
  std::thread reader([&] {
    while (heard.size() < sent.size()) heard += pair.peer.hear();
  });
  const auto body = [&]() -> Task<void> {
    Pieces pieces;  // three pieces, so that the break falls into each of them
    pieces.add(std::string_view(sent).substr(0, 1));
    pieces.add(std::string_view(sent).substr(1, sent.size() / 2));
    pieces.add(std::string_view(sent).substr(1 + sent.size() / 2));
    CHECK(pieces.size() == sent.size());
    const IoResult result = co_await write_all(*pair.stream, pieces, Wait::idle);
    CHECK(result.ok());
    CHECK(result.bytes == sent.size());
  };
  pair.run(body());
  reader.join();
  CHECK((heard == sent));
}

TEST_CASE("a deadline ends the wait, not the stream") {
  Pair<> pair;
  const auto body = [&]() -> Task<void> {
    const Heard nothing = co_await read(*pair.stream, Wait::body);
    CHECK(nothing.status == IoStatus::timed_out);
    pair.peer.say("late");
    const Heard late = co_await read(*pair.stream);
    CHECK(late.bytes == "late");
    const IoResult written = co_await write(*pair.stream, "ok");
    CHECK(written.ok());
  };
  pair.run(body());
}

TEST_CASE("a deadline of several waits counts from their beginning") {
  Pair<> pair;
  const auto body = [&]() -> Task<void> {
    char room[1];
    const Clock::time_point since = pair.reactor->now() - std::chrono::hours(1);
    const IoResult result = co_await read_some_since(*pair.stream, room, Wait::idle, since);
    CHECK(result.status == IoStatus::timed_out);
    pair.peer.say("x");
    co_await until_readable(*pair.stream, Wait::idle, pair.reactor->now());
    const IoResult there = co_await read_some_since(*pair.stream, room, Wait::idle, since);
    CHECK(there.ok());  // what lies there is read however late it is
  };
  pair.run(body());
}

TEST_CASE("a write that nobody takes times out and tells how much went out") {
  Pair<> pair;
  const std::string sent(4 << 20, 'x');
  const auto body = [&]() -> Task<void> {
    const IoResult result = co_await write(*pair.stream, sent, Wait::body);
    CHECK(result.status == IoStatus::timed_out);
    CHECK(result.bytes > 0);
    CHECK(result.bytes < sent.size());
  };
  pair.run(body());
}

TEST_CASE("cancel ends the waits of now, not later ones") {
  Pair<> pair;
  const auto body = [&]() -> Task<void> {
    Task<Heard> waiting = read(*pair.stream);
    waiting.start();
    CHECK_FALSE(waiting.done());
    pair.stream->cancel();
    pair.stream->cancel();
    const Heard cancelled = co_await waiting.join();
    CHECK(cancelled.status == IoStatus::cancelled);
    pair.peer.say("on");
    const Heard next = co_await read(*pair.stream);
    CHECK(next.bytes == "on");
  };
  pair.run(body());
}

TEST_CASE("reading and writing wait beside each other, and are cancelled apart") {
  Pair<> pair;
  const std::string sent(4 << 20, 'x');
  const auto body = [&]() -> Task<void> {
    Task<Heard> reading = read(*pair.stream);
    Task<IoResult> writing = write(*pair.stream, sent);
    reading.start();
    writing.start();
    pair.stream->cancel_write();
    const IoResult written = co_await writing.join();
    CHECK(written.status == IoStatus::cancelled);
    CHECK_FALSE(reading.done());
    pair.peer.say("still here");
    const Heard heard = co_await reading.join();
    CHECK(heard.bytes == "still here");
  };
  pair.run(body());
}

TEST_CASE("writing to a peer that is gone is an error value, not a signal") {
  Pair<> pair;
  const auto body = [&]() -> Task<void> {
    pair.peer.close();
    const IoResult result = co_await write(*pair.stream, "x");
    CHECK(result.status == IoStatus::reset);
  };
  pair.run(body());
}

TEST_CASE("a client that hangs up ends the wait for its answer") {
  Pair<> client;
  const auto [near, far] = socket_pair();
  const Peer upstream_end(far);
  SocketStream upstream(*client.reactor, near);
  REQUIRE(upstream.open());
  const auto body = [&]() -> Task<void> {
    client.stream->on_hang_up_cancel(&upstream);
    Task<Heard> waiting = read(upstream);
    waiting.start();
    client.peer.close();
    const Heard heard = co_await waiting.join();
    CHECK(heard.status == IoStatus::cancelled);
    CHECK(client.stream->hung_up());
  };
  client.run(body());
}

TEST_CASE("a client that has only finished speaking does not") {
  Pair<> client;
  const auto [near, far] = socket_pair();
  const Peer upstream_end(far);
  SocketStream upstream(*client.reactor, near);
  REQUIRE(upstream.open());
  const auto body = [&]() -> Task<void> {
    client.stream->on_hang_up_cancel(&upstream);
    Task<Heard> waiting = read(upstream);
    waiting.start();
    client.peer.shut_down();
    const Heard end = co_await read(*client.stream);
    CHECK(end.status == IoStatus::eof);
    CHECK_FALSE(waiting.done());
    upstream_end.say("answer");
    const Heard heard = co_await waiting.join();
    CHECK(heard.bytes == "answer");
  };
  client.run(body());
}

TEST_CASE("an event that nobody waits for is told to whoever keeps the stream") {
  Pair<> pair;
  const auto [near, far] = socket_pair();
  const Peer other_end(far);
  SocketStream other(*pair.reactor, near);
  REQUIRE(other.open());
  const auto body = [&]() -> Task<void> {
    char room[8];
    CHECK(pair.stream->try_read(room).status == IoStatus::would_block);
    CHECK(other.try_read(room).status == IoStatus::would_block);
    int told = 0;
    pair.stream->on_idle_event([](Stream&, void* count) { ++*static_cast<int*>(count); }, &told);
    // The room to write, which epoll tells first, says nothing about an idle stream.
    other_end.say("x");
    const Heard unrelated = co_await read(other);
    CHECK(unrelated.bytes == "x");
    CHECK(told == 0);
    pair.peer.close();
    other_end.say("y");
    const Heard later = co_await read(other);
    CHECK(later.bytes == "y");
    CHECK(told == 1);
  };
  pair.run(body());
}

TEST_CASE("a descriptor that an earlier handler destroys gets no event of the same batch") {
  struct Killer final : Descriptor {
    using Descriptor::Descriptor;
    std::unique_ptr<Killer>* victim = nullptr;
    int events = 0;
    bool open() { return watch(EPOLLIN); }
    void on_event(std::uint32_t) noexcept override {
      ++events;
      victim->reset();
      reactor().stop();
    }
  };
  Loop loop;
  const auto [first_near, first_far] = socket_pair();
  const auto [second_near, second_far] = socket_pair();
  const Peer first_end(first_far);
  const Peer second_end(second_far);
  auto first = std::make_unique<Killer>(*loop.reactor, first_near);
  auto second = std::make_unique<Killer>(*loop.reactor, second_near);
  first->victim = &second;
  second->victim = &first;
  REQUIRE(first->open());
  REQUIRE(second->open());
  first_end.say("x");
  second_end.say("x");
  loop.reactor->run([] {});
  CHECK((first == nullptr) != (second == nullptr));
  CHECK((first ? first : second)->events == 1);
}

TEST_CASE("what the end of a batch makes ready is run although no event follows") {
  Pair<> pair;
  const auto body = [&]() -> Task<void> {
    const Heard heard = co_await read(*pair.stream);  // for a minute, if nobody ends it
    CHECK(heard.status == IoStatus::cancelled);
    pair.reactor->stop();
  };
  Task<void> task = body();
  task.start();
  pair.reactor->post([] {});
  pair.reactor->run([&] { pair.stream->cancel(); });
  CHECK(task.done());
}

TEST_CASE("messages of other threads run on the loop, in each sender's order") {
  Loop loop;
  constexpr int senders = 4;
  constexpr int each = 2000;
  std::vector<int> next(senders, 0);
  int total = 0;
  bool ordered = true;
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender)
    threads.emplace_back([&, sender] {
      for (int i = 0; i < each; ++i)
        loop.reactor->post([&, sender, i] {
          ordered = ordered && next[static_cast<std::size_t>(sender)]++ == i;
          if (++total == senders * each) loop.reactor->stop();
        });
    });
  loop.reactor->run([] {});
  for (std::thread& thread : threads) thread.join();
  CHECK(ordered);
  CHECK(total == senders * each);
}

TEST_CASE("a message may post another") {
  Loop loop;
  int left = 100;
  std::function<void()> step = [&] {
    if (--left == 0)
      loop.reactor->stop();
    else
      loop.reactor->post(step);
  };
  loop.reactor->post(step);
  loop.reactor->run([] {});
  CHECK(left == 0);
}
