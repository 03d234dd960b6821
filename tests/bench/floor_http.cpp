// The floor that knows HTTP: finds the end of each head and the Content-Length, shares upstream connections
// among clients (the one used last is taken first), and checks nothing. What a proxy of HTTP/1.1 costs beyond
// it is the price of what it does for its clients.
//
//     floor_http UPSTREAM_PORT        says "port N"; runs until it is killed

#include <vector>

#include "tests/bench/head_server.hpp"

namespace postern::bench {
namespace {

// One buffer each way and connection; a head that does not fit ends its connection.
constexpr std::size_t buffer_bytes = 64 * 1024;

struct End {
  int descriptor = -1;
  bool client = false;
  End* other = nullptr;       // of the exchange under way
  bool dead = false;          // closed; its event may stand in the same batch, so the memory stays
  bool awaiting_head = true;  // of the message that comes from this end
  std::size_t body_left = 0;
  std::size_t size = 0;  // of the beginning of a head in `bytes`
  std::array<char, buffer_bytes> bytes;
};

class Floor {
 public:
  explicit Floor(std::uint16_t upstream_port) : upstream_port_(upstream_port) {}

  [[noreturn]] void run() {
    const int listener = listen_and_tell();
    epoll_ = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    watch(epoll_, listener, EPOLLIN, nullptr);
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        auto* end = static_cast<End*>(event.data.ptr);
        if (!end)
          accept(listener);
        else if (!end->dead && (!receive(*end) || (event.events & (EPOLLRDHUP | EPOLLHUP))))
          close(*end);
      }
    }
  }

 private:
  void accept(int listener) {
    const int descriptor = accept_one(listener);
    if (descriptor >= 0) open(descriptor).client = true;
  }

  End& open(int descriptor) {
    auto* end = new End;
    end->descriptor = descriptor;
    watch(epoll_, descriptor, EPOLLIN | EPOLLRDHUP | EPOLLET, end);
    return *end;
  }

  void close(End& end) {
    if (end.dead) return;
    end.dead = true;
    ::close(end.descriptor);
    std::erase(pool_, &end);
    if (End* other = end.other) {
      end.other = nullptr;
      close(*other);
    }
  }

  void lease(End& client) {
    if (pool_.empty()) {
      client.other = &open(connect_to(upstream_port_));
    } else {
      client.other = pool_.back();
      pool_.pop_back();
    }
    client.other->other = &client;
  }

  /// False when the connection is over. A read that does not fill the buffer has emptied the socket, and the
  /// next bytes bring an event.
  bool receive(End& from) {
    for (;;) {
      const std::size_t room = from.bytes.size() - from.size;
      const ssize_t count = ::recv(from.descriptor, from.bytes.data() + from.size, room, MSG_DONTWAIT);
      if (count < 0 && errno == EAGAIN) return true;
      if (count <= 0) return false;
      from.size += static_cast<std::size_t>(count);
      if (!pass_on(from)) return false;
      if (static_cast<std::size_t>(count) < room) return true;
    }
  }

  bool pass_on(End& from) {
    std::string_view unread(from.bytes.data(), from.size);
    if (from.awaiting_head) {
      const std::size_t end = unread.find("\r\n\r\n");
      if (end == unread.npos) return from.size < from.bytes.size();
      from.awaiting_head = false;
      from.body_left = end + 4 + content_length(unread.substr(0, end + 4));
      if (from.client) lease(from);
    }
    // Nobody here sends a request before the answer to the last one, or a byte that no message announces.
    if (unread.size() > from.body_left || !from.other) return false;
    if (!send_all(from.other->descriptor, unread)) return false;
    from.body_left -= unread.size();
    from.size = 0;
    if (from.body_left > 0) return true;
    from.awaiting_head = true;
    if (!from.client) give_back(from);
    return true;
  }

  void give_back(End& upstream) {
    upstream.other->other = nullptr;
    upstream.other = nullptr;
    pool_.push_back(&upstream);
  }

  std::uint16_t upstream_port_;
  int epoll_ = -1;
  std::vector<End*> pool_;
};

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("floor_http UPSTREAM_PORT\n", stderr);
    return 2;
  }
  postern::bench::Floor(static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10))).run();
}
