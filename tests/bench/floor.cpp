// The floor: the smallest relay that a proxy on epoll can be. It reads no HTTP and checks nothing; each
// client connection has an upstream connection of its own, and what arrives on one leaves on the other.
// Whatever a contender costs beyond it is the price of being a proxy.
//
//     floor UPSTREAM_PORT        says "port N"; runs until it is killed

#include <span>

#include "tests/bench/loopback.hpp"

namespace postern::bench {
namespace {

struct End {
  int descriptor = -1;
  End* other = nullptr;
  bool closed = false;
};

struct Pair {
  End client, upstream;
};

/// False when the connection is over. A read that does not fill the buffer has emptied the socket, and the
/// next bytes bring an event.
bool pass_on(const End& from, std::span<char> buffer) {
  for (;;) {
    const ssize_t count = ::recv(from.descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return true;
    if (count <= 0) return false;
    const auto size = static_cast<std::size_t>(count);
    if (!send_all(from.other->descriptor, {buffer.data(), size})) return false;
    if (size < buffer.size()) return true;
  }
}

void open_pair(int epoll, int client, std::uint16_t upstream_port) {
  auto* pair = new Pair;
  pair->client = {client, &pair->upstream};
  pair->upstream = {connect_to(upstream_port), &pair->client};
  watch(epoll, pair->client.descriptor, EPOLLIN | EPOLLRDHUP | EPOLLET, &pair->client);
  watch(epoll, pair->upstream.descriptor, EPOLLIN | EPOLLRDHUP | EPOLLET, &pair->upstream);
}

void close_pair(End& end) {
  ::close(end.descriptor);
  ::close(end.other->descriptor);
  end.closed = end.other->closed =
      true;  // the other's event may stand in the same batch, so the memory stays; a test ends soon
}

[[noreturn]] void run(std::uint16_t upstream_port) {
  static std::array<char, 64 * 1024> buffer;
  const int listener = listen_and_tell();
  const int epoll = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  watch(epoll, listener, EPOLLIN, nullptr);
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      auto* end = static_cast<End*>(event.data.ptr);
      if (!end) {
        const int client = accept_one(listener);
        if (client >= 0) open_pair(epoll, client, upstream_port);
      } else if (!end->closed && (!pass_on(*end, buffer) || (event.events & (EPOLLRDHUP | EPOLLHUP)))) {
        close_pair(*end);
      }
    }
  }
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("floor UPSTREAM_PORT\n", stderr);
    return 2;
  }
  postern::bench::run(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10)));
}
