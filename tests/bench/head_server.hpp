// A server of the benchmark: keeps every connection, reads heads, passes over bodies that Content-Length
// announces, and answers each request when it is complete. It trusts its client, which is a proxy.

#pragma once

#include <algorithm>
#include <charconv>
#include <string>

#include "tests/bench/loopback.hpp"

namespace postern::bench {

/// The value of a field, whose name is given in lower case; empty when there is none. `head` is a head with
/// its empty line.
inline std::string_view field(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != head.npos; at = head.find("\r\n", at + 2)) {
    std::string_view line = head.substr(at + 2);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    // The letters of a field name in lower case have bit 5 set, and so has '-'.
    if (!std::equal(name.begin(), name.end(), line.begin(),
                    [](char ours, char theirs) { return ours == (theirs | 0x20); }))
      continue;
    line = line.substr(name.size() + 1, line.find("\r\n") - name.size() - 1);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    return line;
  }
  return {};
}

/// 0 when the field is absent.
inline std::size_t content_length(std::string_view head) {
  const std::string_view digits = field(head, "content-length");
  std::size_t length = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), length);
  return length;
}

/// `answer_to(head)` returns bytes that stay valid until they are sent. Never returns.
template <class AnswerTo>
class HeadServer {
 public:
  explicit HeadServer(AnswerTo answer_to) : answer_to_(std::move(answer_to)) {}

  [[noreturn]] void run() {
    const int listener = listen_and_tell();
    const int epoll = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    watch(epoll, listener, EPOLLIN, nullptr);
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (!connection) {
          const int descriptor = accept_one(listener);
          if (descriptor >= 0) watch(epoll, descriptor, EPOLLIN, new Connection(descriptor));
        } else if (!serve(*connection)) {
          ::close(connection->descriptor);
          delete connection;
        }
      }
    }
  }

 private:
  static constexpr std::size_t buffer_bytes = 64 * 1024;  // a head, or what fits of a body

  struct Connection {
    explicit Connection(int socket) : descriptor(socket) {}
    int descriptor;
    std::size_t size = 0;       // of what is unread in `bytes`
    std::size_t body_left = 0;  // of the request that `head` belongs to
    std::string head;           // kept while its body arrives
    std::array<char, buffer_bytes> bytes;
  };

  /// False when the connection is over.
  bool serve(Connection& connection) {
    const ssize_t count = ::recv(connection.descriptor, connection.bytes.data() + connection.size,
                                 connection.bytes.size() - connection.size, 0);
    if (count < 0 && errno == EAGAIN) return true;
    if (count <= 0) return false;
    std::string_view unread(connection.bytes.data(), connection.size + static_cast<std::size_t>(count));
    while (!unread.empty()) {
      if (connection.body_left > 0) {
        const std::size_t size = std::min(connection.body_left, unread.size());
        unread.remove_prefix(size);
        connection.body_left -= size;
        if (connection.body_left == 0 && !send_all(connection.descriptor, answer_to_(connection.head)))
          return false;
        continue;
      }
      const std::size_t end = unread.find("\r\n\r\n");
      if (end == unread.npos) break;
      const std::string_view head = unread.substr(0, end + 4);
      unread.remove_prefix(head.size());
      connection.body_left = content_length(head);
      if (connection.body_left > 0)
        connection.head = head;
      else if (!send_all(connection.descriptor, answer_to_(head)))
        return false;
    }
    std::memmove(connection.bytes.data(), unread.data(), unread.size());
    connection.size = unread.size();
    return connection.size < connection.bytes.size();
  }

  AnswerTo answer_to_;
};

}  // namespace postern::bench
