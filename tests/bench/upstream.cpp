// The API behind every contender: answers each request with 200 and a body of BYTES bytes, keeps every
// connection.
//
//     upstream [BYTES]        says "port N"; runs until it is killed
//
// A target that ends in "/echo" is answered with the head that arrived, so that a test sees what passed.
// Requests have no bodies.

#include <string>

#include "tests/bench/loopback.hpp"

namespace postern::bench {
namespace {

constexpr std::size_t head_bytes_max = 32 * 1024;

struct Connection {
  int descriptor;
  std::size_t size = 0;
  std::array<char, head_bytes_max> bytes;
};

std::string answer_with(std::string_view body) {
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
  answer += std::to_string(body.size());
  answer += "\r\n\r\n";
  answer += body;
  return answer;
}

bool asks_for_echo(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  return line.find("/echo HTTP/") != std::string_view::npos;
}

/// False when the connection is over.
bool serve(Connection& connection, const std::string& usual_answer) {
  const ssize_t count = ::recv(connection.descriptor, connection.bytes.data() + connection.size,
                               connection.bytes.size() - connection.size, 0);
  if (count < 0 && errno == EAGAIN) return true;
  if (count <= 0) return false;
  connection.size += static_cast<std::size_t>(count);
  std::string_view unread(connection.bytes.data(), connection.size);
  for (std::size_t end = unread.find("\r\n\r\n"); end != unread.npos; end = unread.find("\r\n\r\n")) {
    const std::string_view head = unread.substr(0, end + 4);
    unread.remove_prefix(head.size());
    const bool sent = asks_for_echo(head) ? send_all(connection.descriptor, answer_with(head))
                                          : send_all(connection.descriptor, usual_answer);
    if (!sent) return false;
  }
  std::memmove(connection.bytes.data(), unread.data(), unread.size());
  connection.size = unread.size();
  return connection.size < connection.bytes.size();
}

[[noreturn]] void run(std::size_t body_bytes) {
  const std::string usual_answer = answer_with(std::string(body_bytes, 'x'));
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
        if (descriptor >= 0) watch(epoll, descriptor, EPOLLIN, new Connection{descriptor, 0, {}});
      } else if (!serve(*connection, usual_answer)) {
        ::close(connection->descriptor);
        delete connection;
      }
    }
  }
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  postern::bench::run(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200);
}
