#include "proxy/admin/http_service.hpp"

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/limits.hpp"
#include "proxy/answer.hpp"
#include "proxy/head_reader.hpp"

namespace postern::admin {
namespace {

namespace asio = boost::asio;
using Socket = asio::generic::stream_protocol::socket;
using asio::awaitable;
using boost::system::error_code;

constexpr std::size_t connections_max = 64;
constexpr std::chrono::seconds connection_time_max{30};  // for everything on one connection
constexpr int requests_max = 100;                        // on one connection

asio::redirect_error_t<asio::use_awaitable_t<>> into(error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

std::string render(const Response& response, bool head_request, bool close) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " +
                     std::string(reason_phrase(response.status)) +
                     "\r\nContent-Type: " + response.content_type +
                     "\r\nContent-Length: " + std::to_string(response.body.size()) +
                     "\r\nCache-Control: no-store\r\n" + (close ? "Connection: close\r\n\r\n" : "\r\n");
  if (!head_request) text += response.body;
  return text;
}

}  // namespace

struct HttpService::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, ListeningSocket listening, Handler handle)
      : io(context),
        socket(std::move(listening)),
        acceptor(context, socket.duplicate()),
        handler(std::move(handle)) {}

  awaitable<void> accept_all();
  awaitable<void> serve(int descriptor);
  awaitable<bool> serve_one(Socket& client, std::string& buffer);
  Response respond(const RequestHead& head, const char* buffer) const;

  asio::io_context& io;
  ListeningSocket socket;
  asio::posix::stream_descriptor acceptor;  // only waited on: accept4 takes any family
  Handler handler;
  std::size_t connections = 0;
};

awaitable<void> HttpService::State::accept_all() {
  const auto self = shared_from_this();
  for (;;) {
    error_code error;
    co_await acceptor.async_wait(asio::posix::stream_descriptor::wait_read, into(error));
    if (error) co_return;
    const int client = ::accept4(socket.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0 && connections < connections_max) {
      asio::co_spawn(io, serve(client), asio::detached);
      continue;
    }
    if (client >= 0) ::close(client);
    if (client < 0 && errno != EAGAIN && errno != ECONNABORTED) {  // no descriptors: rest a little
      asio::steady_timer pause(io, std::chrono::milliseconds(100));
      co_await pause.async_wait(into(error));
    }
  }
}

awaitable<void> HttpService::State::serve(int descriptor) {
  const auto self = shared_from_this();
  ++connections;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  const auto client =
      std::make_shared<Socket>(io, asio::generic::stream_protocol(address.ss_family, 0), descriptor);
  asio::steady_timer deadline(io, connection_time_max);
  deadline.async_wait([watched = std::weak_ptr(client)](const error_code& error) {
    error_code ignored;
    if (const auto slow = watched.lock(); slow && !error) slow->cancel(ignored);
  });
  std::string buffer;
  bool keep = true;
  for (int i = 0; keep && i < requests_max; ++i) keep = co_await serve_one(*client, buffer);
  deadline.cancel();
  --connections;
}

awaitable<bool> HttpService::State::serve_one(Socket& client, std::string& buffer) {
  RequestReader reader;
  const auto head = std::make_unique<RequestHead>();
  HeadStatus status = reader.feed(buffer, *head);
  while (status == HeadStatus::incomplete) {
    std::array<char, 4096> piece;
    error_code error;
    const std::size_t count = co_await client.async_read_some(asio::buffer(piece), into(error));
    if (error) co_return false;
    buffer.append(piece.data(), count);
    status = reader.feed(buffer, *head);
  }
  const bool refused = status == HeadStatus::refused;
  const Response response =
      refused ? Response{status_of(reader.error()), "text/plain; charset=utf-8", "malformed request\n"}
              : respond(*head, buffer.data());
  const bool close = refused || head->connection_close || head->minor == 0 || head->framing != Framing::none;
  const bool head_request = !refused && head->method.of(buffer.data()) == "HEAD";
  const std::string text = render(response, head_request, close);
  error_code error;
  co_await asio::async_write(client, asio::buffer(text), into(error));
  if (!refused) buffer.erase(0, head->size);
  co_return !error && !close;
}

Response HttpService::State::respond(const RequestHead& head, const char* buffer) const {
  const std::string_view method = head.method.of(buffer);
  if (method != "GET" && method != "HEAD") return {405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
  if (head.framing != Framing::none) return {400, "text/plain; charset=utf-8", "no body is taken here\n"};
  return handler(head.path.of(buffer));
}

HttpService::HttpService(asio::io_context& io, ListeningSocket socket, Handler handler)
    : state_(std::make_shared<State>(io, std::move(socket), std::move(handler))) {}

HttpService::~HttpService() {
  error_code ignored;
  state_->acceptor.close(ignored);
}

void HttpService::leave() {
  error_code ignored;
  state_->acceptor.close(ignored);
  state_->socket.leave_path();
}

void HttpService::claim_path() noexcept {
  state_->socket.claim_path();
}

const ListeningSocket& HttpService::socket() const noexcept {
  return state_->socket;
}

void HttpService::start() {
  asio::co_spawn(state_->io, state_->accept_all(), asio::detached);
}

}  // namespace postern::admin
