// Connected sockets and a reactor that runs a test's coroutine to its end.

#pragma once

#include <cerrno>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "proxy/stream.hpp"
#include "proxy/task.hpp"

namespace postern::test {

/// A blocking socket of the test's own, the other end of what is tested. Closed at its end.
class Peer {
 public:
  explicit Peer(int fd) noexcept : fd_(fd) {}
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Peer& operator=(Peer&&) = delete;
  ~Peer() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void say(std::string_view bytes) const {
    REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  void shut_down() const { REQUIRE(::shutdown(fd_, SHUT_WR) == 0); }
  /// What has arrived, at most `max` bytes; waits for the first. Nothing when the other side has closed or
  /// broken.
  [[nodiscard]] std::string hear(std::size_t max = 65536) const {
    std::string bytes(max, '\0');
    const ssize_t count = ::recv(fd_, bytes.data(), max, 0);
    if (count < 0) REQUIRE(errno == ECONNRESET);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

inline std::pair<int, int> socket_pair() {
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  REQUIRE(::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
  return {ends[0], ends[1]};
}

/// A reactor with short durations for every wait but `idle`, so that what ought to time out does soon and
/// what ought not to hangs the test instead of passing it.
class Loop {
 public:
  Loop() : reactor(make()) {
    using namespace std::chrono_literals;
    const Timeouts timeouts{20ms, 20ms, 60s, 20ms, 20ms, 20ms, 0ms};
    reactor->deadlines().set_durations(timeouts);
  }

  /// Runs the loop until `task` has ended.
  void run(Task<void> task) {
    const auto whole = [](Reactor& loop, Task<void> body) -> Task<void> {
      co_await body;
      loop.stop();
    };
    Task<void> all = whole(*reactor, std::move(task));
    all.start();
    reactor->run([] {});
    REQUIRE(all.done());
  }

  std::unique_ptr<Reactor> reactor;

 private:
  static std::unique_ptr<Reactor> make() {
    auto made = Reactor::make();
    REQUIRE(made.has_value());
    return std::move(*made);
  }
};

}  // namespace postern::test
