// What comes on a connection before its first request.

#include <cerrno>
#include <sys/socket.h>

#include "conf/limits.hpp"
#include "proxy/address.hpp"
#include "proxy/operator_log.hpp"
#include "proxy/proxy_protocol.hpp"
#include "proxy/session.hpp"
#include "proxy/shard.hpp"

namespace postern {

namespace {

/// `co_await` it: the PROXY header, taken off the socket, or why not. Nothing behind it is touched: that is
/// the client's, and perhaps TLS.
class ProxyHeaderOperation final : public Operation {
 public:
  explicit ProxyHeaderOperation(Stream& stream) noexcept : Operation(stream) {}
  bool attempt() noexcept override {
    char bytes[limits::proxy_header_bytes_max];
    const ssize_t count = ::recv(stream_.fd(), bytes, sizeof bytes, MSG_PEEK);
    if (count < 0 && errno == EAGAIN) return false;
    result_.status = IoStatus::reset;
    if (count <= 0) return true;
    header_ = read_proxy_header({bytes, static_cast<std::size_t>(count)});
    if (header_.status == ProxyHeader::Status::incomplete) return stream_.ended();
    if (header_.status != ProxyHeader::Status::complete) return true;
    const ssize_t taken = ::recv(stream_.fd(), bytes, header_.size, 0);
    if (taken == static_cast<ssize_t>(header_.size)) result_.status = IoStatus::ok;
    // A short read, as in Stream::try_read(): what comes later brings an event.
    drained_ = count < static_cast<ssize_t>(sizeof bytes) && count == taken && !stream_.ended();
    return true;
  }
  bool await_ready() noexcept { return attempt(); }
  void await_suspend(std::coroutine_handle<> suspended) noexcept {
    suspend_as_reader(suspended, Wait::head, stream_.reactor().now());
  }
  IoResult await_resume() const noexcept { return result_; }
  [[nodiscard]] const ProxyHeader& header() const noexcept { return header_; }
  /// Nothing came behind it.
  [[nodiscard]] bool drained() const noexcept { return drained_; }

 private:
  ProxyHeader header_;
  bool drained_ = false;
};

}  // namespace

Task<bool> Session::open_connection() {
  if (role_.proxy_protocol) {
    const bool heard = co_await hear_of_client();
    if (!heard) {
      shard_.counters().proxy_headers_refused.add();
      co_return false;
    }
  }
  // Before a handshake, which may be slow, but not before we know whose connection it is.
  if (!take_place()) co_return false;
  if (role_.tls) {
    const bool done = co_await shake_hands();
    if (!done) co_return false;
  }
  co_return true;
}

Task<bool> Session::hear_of_client() {
  // Whoever may open a Unix socket was let in by its directory.
  const bool trusted = peer_.text.empty() || is_within(shard_.config().trusted_proxies, peer_.address);
  if (!trusted) co_return false;
  ProxyHeaderOperation reading(*client_);
  const IoResult heard = co_await reading;
  if (!heard.ok()) co_return false;
  if (reading.header().announces) {
    peer_.address = reading.header().client;
    spell_address(peer_.address, peer_.text);
    peer_.known = true;
  }
  // As after an accept: a connection that is silent behind its header holds no buffers. TLS looks for itself.
  if (reading.drained() && !role_.tls) client_->nothing_to_read_yet();
  co_return true;
}

Task<bool> Session::shake_hands() {
  auto& tls = static_cast<TlsStream&>(*client_);
  const IoResult done = co_await handshake(tls, Wait::head, shard_.reactor().now());
  if (!done.ok()) {
    shard_.counters().tls_handshake_failures.add();
    if (done.status == IoStatus::reset)
      operator_log(LogLevel::debug, "tls: " + std::string(peer_.text.view()) + ": " + tls.failure());
    co_return false;
  }
  if (!client_subject(tls.ssl(), peer_.certificate, peer_.certificate_expires)) {
    shard_.counters().tls_handshake_failures.add();
    operator_log(LogLevel::debug,
                 "tls: " + std::string(peer_.text.view()) + ": its certificate is of no use");
    co_return false;
  }
  peer_.tls = true;
  shard_.counters().tls_handshakes.add();
  if (tls.resumed()) shard_.counters().tls_resumptions.add();
  co_return true;
}

}  // namespace postern
