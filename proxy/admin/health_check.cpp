#include "proxy/admin/health_check.hpp"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "proxy/operator_log.hpp"

namespace postern::admin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::awaitable;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;

// The answer comes from a peer we trust, so Beast reads it; it is bounded all the same.
constexpr std::uint32_t head_bytes_max = 8 * 1024;
constexpr std::uint64_t body_bytes_max = 64 * 1024;

asio::redirect_error_t<asio::use_awaitable_t<>> into(error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

}  // namespace

struct HealthChecks::Shared {
  asio::io_context& io;
  std::string upstream;
  HealthCheck how;
  OwnLines own_lines;
  TlsNow tls;
  Changed changed;
};

struct HealthChecks::Check : std::enable_shared_from_this<Check> {
  Check(std::shared_ptr<Shared> with, const FoundAddress& asked)
      : shared(std::move(with)),
        address(asked),
        timer(shared->io),
        deadline(shared->io),
        socket(shared->io) {}

  awaitable<void> run();
  awaitable<bool> ask();
  awaitable<bool> exchange();
  template <class Stream>
  awaitable<bool> question(Stream& stream);
  void note(bool good);
  void stop() {
    stopped = true;
    timer.cancel();
    hang_up();
  }
  void hang_up() {
    error_code ignored;
    socket.close(ignored);
  }

  std::shared_ptr<Shared> shared;
  const FoundAddress address;
  asio::steady_timer timer, deadline;
  Socket socket;
  bool stopped = false;
  bool healthy = true;
  std::uint32_t against = 0;  // answers in a row that say otherwise
};

awaitable<void> HealthChecks::Check::run() {
  const auto self = shared_from_this();
  while (!stopped) {
    const bool good = co_await ask();
    if (stopped) co_return;
    note(good);
    error_code error;
    timer.expires_after(shared->how.interval);
    co_await timer.async_wait(into(error));
  }
}

awaitable<bool> HealthChecks::Check::ask() {
  deadline.expires_after(shared->how.timeout);
  deadline.async_wait([watched = weak_from_this()](const error_code& error) {
    if (const auto slow = watched.lock(); slow && !error) slow->hang_up();
  });
  const bool good = co_await exchange();
  deadline.cancel();
  hang_up();
  co_return good;
}

awaitable<bool> HealthChecks::Check::exchange() {
  error_code error;
  const asio::generic::stream_protocol::endpoint endpoint(address.address.get(), address.address.size);
  socket = Socket(shared->io);
  co_await socket.async_connect(endpoint, into(error));
  if (error) co_return false;
  const std::shared_ptr<const TlsClient> tls = shared->tls();
  if (!tls) co_return co_await question(socket);
  SSL_CTX_up_ref(tls->context());
  asio::ssl::context context(tls->context());  // takes the reference
  asio::ssl::stream<Socket&> secured(socket, context);
  if (!tls->expect(secured.native_handle(), address.host)) co_return false;
  co_await secured.async_handshake(asio::ssl::stream_base::client, into(error));
  if (error) co_return false;
  co_return co_await question(secured);
}

template <class Stream>
awaitable<bool> HealthChecks::Check::question(Stream& stream) {
  error_code error;
  const std::string text = "GET " + shared->how.path + " HTTP/1.1\r\nHost: " + address.authority +
                           "\r\nUser-Agent: postern\r\n" + shared->own_lines() + "Connection: close\r\n\r\n";
  co_await asio::async_write(stream, asio::buffer(text), into(error));
  if (error) co_return false;
  boost::beast::flat_buffer buffer(head_bytes_max + body_bytes_max);
  http::response_parser<http::string_body> parser;
  parser.header_limit(head_bytes_max);
  parser.body_limit(body_bytes_max);
  co_await http::async_read(stream, buffer, parser, into(error));
  if (error) co_return false;
  co_return http::to_status_class(parser.get().result()) == http::status_class::successful;
}

void HealthChecks::Check::note(bool good) {
  against = good == healthy ? 0 : against + 1;
  if (against < (good ? shared->how.healthy : shared->how.unhealthy)) return;
  against = 0;
  healthy = good;
  operator_log(LogLevel::warning, "upstream " + shared->upstream + ": " + address.text +
                                      (good ? " is well again" : " fails its health check and is not used"));
  shared->changed(address.slot, healthy);
}

HealthChecks::HealthChecks(asio::io_context& io, const Upstream& upstream, OwnLines own_lines, TlsNow tls,
                           Changed changed)
    : shared_(std::make_shared<Shared>(Shared{io, upstream.name, upstream.health, std::move(own_lines),
                                              std::move(tls), std::move(changed)})) {}

HealthChecks::~HealthChecks() {
  for (const auto& check : checks_) check->stop();
}

void HealthChecks::watch(const std::vector<FoundAddress>& addresses) {
  std::vector<std::shared_ptr<Check>> checks;
  for (const FoundAddress& address : addresses) {
    const auto known = std::find_if(checks_.begin(), checks_.end(), [&](const auto& check) {
      return check->address.text == address.text && check->address.slot == address.slot &&
             check->address.host == address.host;
    });
    if (known != checks_.end()) {
      checks.push_back(*known);
      continue;
    }
    checks.push_back(std::make_shared<Check>(shared_, address));
    asio::co_spawn(shared_->io, checks.back()->run(), asio::detached);
  }
  for (const auto& check : checks_)
    if (std::find(checks.begin(), checks.end(), check) == checks.end()) check->stop();
  checks_ = std::move(checks);
}

}  // namespace postern::admin
