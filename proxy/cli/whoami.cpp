// A tiny upstream that answers every request with what it received. For trying things out, not for strangers:
// it says all it knows. It is bounded all the same.

#include <boost/asio.hpp>
#include <memory>
#include <string>

#include "conf/limits.hpp"
#include "conf/option.hpp"
#include "proxy/chunk_machine.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/head_reader.hpp"
#include "proxy/json.hpp"

namespace postern::cli {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int connections_max = 1024;             ///< further ones are closed at once
constexpr std::chrono::seconds idle_timeout{60};  ///< without a byte in or out
constexpr std::size_t answer_bytes_max =
    128 * 1024;  ///< a head of limits::head_bytes_max, every byte escaped

/// A client's connection with the bytes that arrived and were not used yet.
class Connection {
 public:
  explicit Connection(tcp::socket socket)
      : socket_(std::make_shared<tcp::socket>(std::move(socket))), idle_(socket_->get_executor()) {}

  [[nodiscard]] std::string_view received() const noexcept { return buffer_; }
  void consume(std::size_t bytes) { buffer_.erase(0, bytes); }

  /// Adds what arrives next. False at the end, or when nothing came in time.
  asio::awaitable<bool> receive() {
    const std::size_t present = buffer_.size();
    buffer_.resize(present + 16 * 1024);
    watch();
    error_code error;
    const auto place = asio::buffer(buffer_.data() + present, buffer_.size() - present);
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const std::size_t bytes = co_await socket_->async_read_some(place, token);
    buffer_.resize(present + (error ? 0 : bytes));
    co_return !error;
  }

  asio::awaitable<bool> send(const std::string& text) {
    watch();
    error_code error;
    const auto bytes = asio::buffer(text);
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await asio::async_write(*socket_, bytes, token);
    co_return !error;
  }

 private:
  /// Closes the socket unless something moves in time. The handler may outlive us, so it does not hold us.
  void watch() {
    idle_.expires_after(idle_timeout);
    idle_.async_wait([weak = std::weak_ptr<tcp::socket>(socket_)](error_code cancelled) {
      if (cancelled) return;
      error_code ignored;
      if (const auto socket = weak.lock()) socket->close(ignored);
    });
  }

  std::shared_ptr<tcp::socket> socket_;
  asio::steady_timer idle_;
  std::string buffer_;
};

/// What was received, as JSON. Built in two steps: the head's views die when the body is read.
std::string head_as_json(const RequestHead& head, const char* bytes) {
  std::string text(answer_bytes_max, '\0');
  TextWriter out(text);
  out.put("{\n  \"method\": ");
  put_json_string(out, head.method.of(bytes));
  out.put(",\n  \"target\": ");
  put_json_string(out, head.target.of(bytes));
  out.put(head.minor == 0 ? ",\n  \"version\": \"HTTP/1.0\"" : ",\n  \"version\": \"HTTP/1.1\"");
  out.put(",\n  \"headers\": [");
  bool first = true;
  for (const Field& field : head.all()) {
    out.put(first ? "\n    [" : ",\n    [");
    put_json_string(out, field.name.of(bytes));
    out.put(", ");
    put_json_string(out, field.value.of(bytes));
    out.put("]");
    first = false;
  }
  out.put(first ? "]" : "\n  ]");
  text.resize(out.size());
  return text;
}

std::string answer(int status, std::string_view body, bool close, bool with_body = true) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + (status == 200 ? " OK" : " Refused") +
                     "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                     (close ? "\r\nConnection: close" : "") + "\r\n\r\n";
  if (with_body) text += body;
  return text;
}

/// Reads a body to its end and counts its bytes. Nothing when it is malformed or breaks off.
asio::awaitable<std::optional<std::uint64_t>> count_body(Connection& connection, Framing framing,
                                                         std::uint64_t content_length) {
  std::uint64_t counted = 0;
  ChunkMachine chunks;
  while (framing == Framing::chunked || counted < content_length) {
    while (framing == Framing::chunked && !connection.received().empty()) {
      const ChunkMachine::Step step = chunks.step(connection.received());
      counted += step.data.size();
      connection.consume(step.consumed);
      if (step.status == ChunkStatus::complete) co_return counted;
      if (step.status == ChunkStatus::refused) co_return std::nullopt;
      if (step.status == ChunkStatus::need_more) break;
    }
    if (framing == Framing::length) {
      const std::uint64_t here =
          std::min<std::uint64_t>(content_length - counted, connection.received().size());
      connection.consume(static_cast<std::size_t>(here));
      counted += here;
      if (counted == content_length) break;
    }
    const bool more = co_await connection.receive();
    if (!more) co_return std::nullopt;
  }
  co_return counted;
}

/// One request and its answer. False when the connection ends.
asio::awaitable<bool> serve_request(Connection& connection, RequestHead& head) {
  RequestReader reader;
  HeadStatus status = reader.feed(connection.received(), head);
  while (status == HeadStatus::incomplete) {
    const bool more = co_await connection.receive();
    if (!more) co_return false;
    status = reader.feed(connection.received(), head);
  }
  if (status == HeadStatus::refused) {
    const std::string reason = "{\"refused\": \"" + std::string(to_string(reader.error())) + "\"}\n";
    const std::string text = answer(status_of(reader.error()), reason, true);
    co_await connection.send(text);
    co_return false;
  }

  std::string body = head_as_json(head, connection.received().data());
  const bool head_request = head.method.of(connection.received().data()) == "HEAD";
  const bool close = head.connection_close || (head.minor == 0 && !head.connection_keep_alive);
  const Framing framing = head.framing;
  const std::uint64_t content_length = framing == Framing::length ? head.content_length : 0;
  connection.consume(head.size);
  if (head.expect_continue) {
    const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const bool sent = co_await connection.send(go_on);
    if (!sent) co_return false;
  }
  const std::optional<std::uint64_t> body_bytes = co_await count_body(connection, framing, content_length);
  if (!body_bytes) co_return false;

  body += ",\n  \"body_bytes\": " + std::to_string(*body_bytes) + "\n}\n";
  const std::string text = answer(200, body, close, !head_request);
  const bool sent = co_await connection.send(text);
  co_return sent && !close;
}

asio::awaitable<void> serve_connection(tcp::socket socket, int& connections) {
  Connection connection(std::move(socket));
  const auto head = std::make_unique<RequestHead>();
  bool goes_on = true;
  while (goes_on) goes_on = co_await serve_request(connection, *head);
  --connections;
}

asio::awaitable<void> accept_all(tcp::acceptor& acceptor) {
  int connections = 0;
  for (;;) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    tcp::socket socket = co_await acceptor.async_accept(token);
    // Out of descriptors, or a client that is gone already: there will be a next one.
    if (error || connections >= connections_max) continue;
    socket.set_option(tcp::no_delay(true), error);
    ++connections;
    asio::co_spawn(acceptor.get_executor(), serve_connection(std::move(socket), connections), asio::detached);
  }
}

int serve(const tcp::endpoint& endpoint) {
  asio::io_context io(1);
  tcp::acceptor acceptor(io);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail({ErrorKind::unavailable, "cannot listen: " + error.message()});

  // Before it is told where we listen: who reads that may stop us at once.
  asio::signal_set stop(io, SIGINT, SIGTERM);
  stop.async_wait([&io](error_code, int) { io.stop(); });
  const tcp::endpoint bound = acceptor.local_endpoint(error);
  Endpoint told;
  told.host = bound.address().to_string();
  told.port = bound.port();
  complain("whoami on http://" + told.to_string());

  asio::co_spawn(io, accept_all(acceptor), asio::detached);
  io.run();
  return exit_done;
}

int whoami_command(Arguments& arguments) {
  std::string listen = "127.0.0.1:0";
  arguments.text("--listen", "HOST:PORT", listen, "where to listen; 127.0.0.1 and a free port unless given");
  if (!arguments.parse()) return arguments.exit_code();

  const auto endpoint = parse_endpoint(listen);
  if (!endpoint || endpoint->is_unix())
    return arguments.usage_error("--listen: \"" + listen + "\" is not HOST:PORT");
  error_code error;
  const auto address =
      asio::ip::make_address(endpoint->host == "localhost" ? "127.0.0.1" : endpoint->host, error);
  if (error) return arguments.usage_error("--listen: \"" + endpoint->host + "\" is not an IP address");
  return serve({address, endpoint->port});
}

}  // namespace

const Command whoami{
    "whoami",
    "A tiny upstream that answers every request with what it received, for trying things out.",
    "postern whoami --listen 127.0.0.1:8000",
    whoami_command,
};

}  // namespace postern::cli
