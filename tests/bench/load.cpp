// The clients: CONNECTIONS connections that are kept, each sending its next request when the answer to the
// last one is complete. Every request carries a token drawn at random from a file (a line is a token, up to
// its first blank).
//
//     load PORT TOKENS CONNECTIONS (seconds|requests|hold) AMOUNT [OPTION]...
//
//     --rate R         R requests a second in all, however long the answers take; a request that finds no
//     free
//                      connection waits, and its latency counts from when it was due
//     --upload BYTES   POST with a body          --answer BYTES   the body that every answer must have
//     --tls            TLS, certificate unseen   --path TARGET    --stall SECONDS
//
// Ends with one line of JSON: {"requests": N, "seconds": S, "statuses": {"200": N}}, with --rate also
// "latency_us": {"50": T, ...}. "hold" sends one request on each connection, the next when the last one is
// answered, says so, and keeps the connections open until standard input ends. A broken connection or ten
// seconds (--stall) without any answer end it with 1.

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <random>

#include "tests/bench/client_socket.hpp"
#include "tests/bench/load_plan.hpp"

namespace postern::bench {
namespace {

struct Connection {
  ClientSocket socket;
  bool awaiting_head = true;
  std::size_t body_left = 0;  // bytes of the body still to come
  Clock::time_point due;      // of the request under way, with a rate
};

class Load {
 public:
  explicit Load(const Plan& plan) : plan_(plan), random_(4711) {
    // A browser's head, the one that micro_head.cpp measures the reader with: 443 bytes with 42 of a token.
    before_token_ = (plan.upload_bytes > 0 ? "POST " : "GET ") + plan.path +
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
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    if (plan.upload_bytes > 0)
      after_token_ += "Content-Length: " + std::to_string(plan.upload_bytes) + "\r\n";
    after_token_ += "\r\n" + std::string(plan.upload_bytes, 'u');
    if (plan.tls) tls_.emplace();
  }

  void run() {
    epoll_ = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    connections_.resize(plan_.connections);
    begin_ = Clock::now();
    for (Connection& connection : connections_) {
      connection.socket.open(plan_.port, tls_ ? &*tls_ : nullptr);
      watch(epoll_, connection.socket.descriptor(), EPOLLIN, &connection);
      free_.push_back(&connection);
      if (plan_.hold) send_next();
      while (plan_.hold && answered_ < sent_) serve_batch();
    }
    begin_ = Clock::now();  // handshakes are over
    while (plan_.rate == 0 && !free_.empty() && !done()) send_next();
    while (answered_ < sent_ || (plan_.rate > 0 && !done())) serve_batch();
    seconds_ = std::chrono::duration<double>(Clock::now() - begin_).count();
  }

  void tell() {
    std::printf(R"({"requests": %llu, "seconds": %.6f, "statuses": {)",
                static_cast<unsigned long long>(answered_), seconds_);
    const char* separator = "";
    for (const auto& [status, count] : statuses_) {
      std::printf(R"(%s"%d": %llu)", separator, status, static_cast<unsigned long long>(count));
      separator = ", ";
    }
    std::printf("}");
    if (!latencies_.empty()) tell_latencies();
    std::printf("}\n");
    std::fflush(stdout);
  }

  static void hold() {
    for (char byte; ::read(STDIN_FILENO, &byte, 1) > 0;) continue;
  }

 private:
  void tell_latencies() {
    std::sort(latencies_.begin(), latencies_.end());
    std::printf(R"(, "latency_us": {)");
    for (const double percent : {50.0, 90.0, 99.0, 99.9, 100.0}) {
      const auto count = static_cast<double>(latencies_.size());
      const auto at = std::min(static_cast<std::size_t>(percent / 100 * count), latencies_.size() - 1);
      std::printf(R"("%g": %.1f%s)", percent, static_cast<double>(latencies_[at]),
                  percent < 100 ? ", " : "}");
    }
  }

  [[nodiscard]] bool done() const { return over_ || sent_ == plan_.requests_max; }

  void serve_batch() {
    std::array<epoll_event, 256> events;
    const Clock::time_point before = Clock::now();
    const Clock::duration patience = plan_.rate > 0 && !done() ? until_next(before) : plan_.stall;
    const auto nanoseconds = std::chrono::nanoseconds(patience).count();
    const timespec timeout{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    const int count =
        ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    if (count == 0 && patience == plan_.stall) {
      errno = ETIMEDOUT;
      give_up("no answer");
    }
    const Clock::time_point now = Clock::now();
    if (now - begin_ >= plan_.duration) over_ = true;
    for (int i = 0; i < count; ++i)
      receive(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    if (plan_.rate > 0) send_due(Clock::now());
  }

  [[nodiscard]] Clock::time_point due(std::uint64_t request) const {
    return begin_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(request) / plan_.rate));
  }

  /// Until the next request is due, or, when it waits for a connection, until an answer frees one.
  [[nodiscard]] Clock::duration until_next(Clock::time_point now) const {
    if (free_.empty()) return plan_.stall;
    return std::max(due(sent_) - now, Clock::duration::zero());
  }

  void send_due(Clock::time_point now) {
    while (!done() && !free_.empty() && due(sent_) <= now) send_next();
  }

  /// On the connection that was free last.
  void send_next() {
    if (done()) return;
    Connection& connection = *free_.back();
    free_.pop_back();
    if (plan_.rate > 0) connection.due = due(sent_);
    request_.assign(before_token_);
    request_ += plan_.tokens[random_() % plan_.tokens.size()];
    request_ += after_token_;
    if (!connection.socket.send(request_)) give_up("send");
    ++sent_;
  }

  void receive(Connection& connection) {
    do {
      const ssize_t count = connection.socket.receive(buffer_.data(), buffer_.size());
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) give_up("connection ended");
      take(connection, {buffer_.data(), static_cast<std::size_t>(count)});
    } while (connection.socket.holds_more());
  }

  void take(Connection& connection, std::string_view bytes) {
    if (connection.awaiting_head) {
      // No contender sends a head in pieces; one that did would need a memory for each connection here.
      const std::size_t end = bytes.find("\r\n\r\n");
      if (end == bytes.npos) give_up("a head in pieces");
      read_head(connection, bytes.substr(0, end + 2));
      bytes.remove_prefix(end + 4);
    }
    if (bytes.size() > connection.body_left) give_up("more than was announced");
    connection.body_left -= bytes.size();
    if (connection.body_left > 0) return;
    connection.awaiting_head = true;
    ++answered_;
    if (plan_.hold) return;
    free_.push_back(&connection);
    if (plan_.rate > 0)
      latencies_.push_back(std::chrono::duration<float, std::micro>(Clock::now() - connection.due).count());
    else
      send_next();
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
      if (plan_.answer_bytes != SIZE_MAX && connection.body_left != plan_.answer_bytes)
        give_up("an answer of another size");
      connection.awaiting_head = false;
      return;
    }
    give_up("an answer without Content-Length");
  }

  const Plan& plan_;
  std::minstd_rand random_;  // the same tokens in every run
  std::optional<TlsClient> tls_;
  std::string before_token_, after_token_, request_;
  std::array<char, 256 * 1024> buffer_;
  int epoll_ = -1;
  std::vector<Connection> connections_;
  std::vector<Connection*> free_;  // without a request under way
  std::map<int, std::uint64_t> statuses_;
  std::vector<float> latencies_;
  std::uint64_t sent_ = 0, answered_ = 0;
  bool over_ = false;
  Clock::time_point begin_;
  double seconds_ = 0;
};

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  postern::bench::Plan plan;
  if (!postern::bench::parse(argc, argv, plan)) {
    std::fputs("load PORT TOKENS CONNECTIONS (seconds|requests|hold) AMOUNT [OPTION]...\n", stderr);
    return 2;
  }
  static postern::bench::Load load(plan);
  load.run();
  load.tell();
  if (plan.hold) postern::bench::Load::hold();
}
