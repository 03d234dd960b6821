// An upstream that listens, and a pool that connects to it.

#pragma once

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <vector>

#include "proxy/upstream_pool.hpp"
#include "tests/proxy/sockets.hpp"

namespace postern::test {

/// A socket bound to a loopback port of the system's choice.
class Port {
 public:
  explicit Port(int backlog = 64) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in bound{};
    bound.sin_family = AF_INET;
    bound.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&bound), sizeof bound) == 0);
    if (backlog >= 0) REQUIRE(::listen(fd_, backlog) == 0);
    address.size = sizeof address.storage;
    REQUIRE(::getsockname(fd_, address.get(), &address.size) == 0);
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port() { ::close(fd_); }
  [[nodiscard]] Peer accept() const {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    REQUIRE(fd >= 0);
    return Peer(fd);
  }
  SocketAddress address;

 private:
  int fd_;
};

struct Pool : Loop {
  explicit Pool(const std::vector<SocketAddress>& addresses) : pool(*reactor, metrics) { use(addresses); }
  void use(const std::vector<SocketAddress>& addresses) {
    std::vector<UpstreamTarget> targets;
    for (const SocketAddress& address : addresses) targets.push_back({address, targets.size(), {}});
    pool.set_targets(targets);
  }

  /// Lets the loop handle every event that has happened so far.
  Task<void> settle() {
    const auto [near, far] = socket_pair();
    const Peer end(far);
    SocketStream stream(*reactor, near);
    REQUIRE(stream.open());
    char room[2];
    CHECK(stream.try_read(room).status ==
          IoStatus::would_block);  // so that the loop has to tell of what comes
    end.say("x");
    const IoResult result = co_await read_some(stream, room, Wait::idle);
    CHECK(result.bytes == 1);
  }

  ShardMetrics metrics;
  UpstreamPool pool;
  UpstreamPool::Attempt attempt;
};

/// Reads until the loop has told the stream that there is nothing more, as after an answer.
inline void empty(Stream& stream) {
  char room[64];
  while (stream.try_read(room).ok()) {
  }
  REQUIRE_FALSE(stream.readable());
}

}  // namespace postern::test
