// The clients: CONNECTIONS connections that are kept, each sending its next request when the answer to the
// last one is complete. Every request carries a token drawn at random from a file (a line is a token, up to
// its first blank).
//
//     load PORT TOKENS CONNECTIONS (seconds|requests) AMOUNT [PATH]
//
// Ends with one line of JSON: {"requests": N, "seconds": S, "statuses": {"200": N}}. A broken connection or
// ten seconds (STALL_SECONDS in the environment) without any answer end it with 1.

#include <charconv>
#include <chrono>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/loopback.hpp"

namespace postern::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Plan {
  std::uint16_t port = 0;
  std::vector<std::string> tokens;
  std::size_t connections = 0;
  std::uint64_t requests_max = UINT64_MAX;
  Clock::duration duration = std::chrono::hours(1);
  std::string path = "/api/v1/orders/4711/items?fields=id,name,price&limit=50";
  std::chrono::milliseconds stall{10'000};
};

struct Connection {
  int descriptor = -1;
  bool awaiting_head = true;
  std::size_t body_left = 0;  // bytes of the body still to come
};

class Load {
 public:
  explicit Load(const Plan& plan) : plan_(plan), random_(4711) {
    // A browser's head, the one that micro_head.cpp measures the reader with: 443 bytes with 42 of a token.
    before_token_ = "GET " + plan.path +
                    " HTTP/1.1\r\n"
                    "Host: shop.example.com\r\n"
                    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
                    "Accept: application/json, */*\r\n"
                    "Accept-Encoding: gzip, deflate, br\r\n"
                    "Authorization: Bearer ";
    after_token_ =
        "\r\n"
        "Connection: keep-alive\r\n"
        "X-Request-Id: 7d1c0f9e5b2a4c3d8e6f\r\n"
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
        "\r\n";
  }

  void run() {
    epoll_ = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    connections_.resize(plan_.connections);
    begin_ = Clock::now();
    for (Connection& connection : connections_) {
      connection.descriptor = connect_to(plan_.port);
      watch(epoll_, connection.descriptor, EPOLLIN, &connection);
      send_next(connection);
    }
    while (answered_ < sent_) serve_batch();
    seconds_ = std::chrono::duration<double>(Clock::now() - begin_).count();
  }

  void tell() const {
    std::printf(R"({"requests": %llu, "seconds": %.6f, "statuses": {)",
                static_cast<unsigned long long>(answered_), seconds_);
    const char* separator = "";
    for (const auto& [status, count] : statuses_) {
      std::printf(R"(%s"%d": %llu)", separator, status, static_cast<unsigned long long>(count));
      separator = ", ";
    }
    std::printf("}}\n");
  }

 private:
  void serve_batch() {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                   static_cast<int>(plan_.stall.count()));
    if (count == 0) {
      errno = ETIMEDOUT;
      give_up("no answer");
    }
    if (Clock::now() - begin_ >= plan_.duration) over_ = true;
    for (int i = 0; i < count; ++i)
      receive(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }

  void send_next(Connection& connection) {
    if (over_ || sent_ == plan_.requests_max) return;
    request_.assign(before_token_);
    request_ += plan_.tokens[random_() % plan_.tokens.size()];
    request_ += after_token_;
    if (!send_all(connection.descriptor, request_)) give_up("send");
    ++sent_;
  }

  void receive(Connection& connection) {
    const ssize_t count = ::recv(connection.descriptor, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) give_up("connection ended");
    auto size = static_cast<std::size_t>(count);
    if (connection.awaiting_head) {
      // No contender sends a head in pieces; one that did would need a memory for each connection here.
      const std::string_view bytes(buffer_.data(), size);
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end == bytes.npos) give_up("a head in pieces");
      read_head(connection, bytes.substr(0, end + 2));
      size -= end + 4;
    }
    if (size > connection.body_left) give_up("more than was announced");
    connection.body_left -= size;
    if (connection.body_left > 0) return;
    connection.awaiting_head = true;
    ++answered_;
    send_next(connection);
  }

  void read_head(Connection& connection, std::string_view head) {
    int status = 0;
    std::from_chars(head.data() + std::strlen("HTTP/1.1 "), head.data() + head.size(), status);
    ++statuses_[status];
    for (const char* name : {"\r\nContent-Length: ", "\r\ncontent-length: "}) {
      const std::size_t at = head.find(name);
      if (at == head.npos) continue;
      const char* digits = head.data() + at + std::strlen(name);
      std::from_chars(digits, head.data() + head.size(), connection.body_left);
      connection.awaiting_head = false;
      return;
    }
    give_up("an answer without Content-Length");
  }

  const Plan& plan_;
  std::minstd_rand random_;  // the same tokens in every run
  std::string before_token_, after_token_, request_;
  std::array<char, 256 * 1024> buffer_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::map<int, std::uint64_t> statuses_;
  std::uint64_t sent_ = 0, answered_ = 0;
  bool over_ = false;
  Clock::time_point begin_;
  double seconds_ = 0;
};

std::vector<std::string> read_tokens(const char* file) {
  std::ifstream lines(file);
  std::vector<std::string> tokens;
  for (std::string line; std::getline(lines, line);) tokens.push_back(line.substr(0, line.find(' ')));
  return tokens;
}

bool parse(int argc, char** argv, Plan& plan) {
  if (argc < 6 || argc > 7) return false;
  const std::string_view unit = argv[4];
  plan.port = static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10));
  plan.tokens = read_tokens(argv[2]);
  plan.connections = std::strtoul(argv[3], nullptr, 10);
  if (unit == "seconds")
    plan.duration = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(std::strtod(argv[5], nullptr)));
  else if (unit == "requests")
    plan.requests_max = std::strtoull(argv[5], nullptr, 10);
  else
    return false;
  if (argc == 7) plan.path = argv[6];
  if (const char* seconds = std::getenv("STALL_SECONDS"))
    plan.stall = std::chrono::seconds(std::strtol(seconds, nullptr, 10));
  return plan.port != 0 && !plan.tokens.empty() && plan.connections > 0;
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  postern::bench::Plan plan;
  if (!postern::bench::parse(argc, argv, plan)) {
    std::fputs("load PORT TOKENS CONNECTIONS (seconds|requests) AMOUNT [PATH]\n", stderr);
    return 2;
  }
  static postern::bench::Load load(plan);
  load.run();
  load.tell();
}
