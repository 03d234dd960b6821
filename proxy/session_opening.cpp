// What comes on a connection before its first request.

#include "proxy/operator_log.hpp"
#include "proxy/session.hpp"
#include "proxy/shard.hpp"

namespace postern {

Task<bool> Session::open_connection() {
  if (role_.tls) {
    const bool done = co_await shake_hands();
    if (!done) co_return false;
  }
  co_return true;
}

Task<bool> Session::shake_hands() {
  auto& tls = static_cast<TlsStream&>(*client_);
  // Its callbacks look at the certificates: a reload must not take them away in the middle.
  const std::shared_ptr<const TlsContext> context = shard_.tls();
  const IoResult done = co_await handshake(tls, Wait::head, shard_.reactor().now());
  if (!done.ok()) {
    shard_.counters().tls_handshake_failures.add();
    if (done.status == IoStatus::reset)
      operator_log(LogLevel::debug, "tls: " + std::string(peer_.text.view()) + ": " + tls.failure());
    co_return false;
  }
  if (!client_subject(tls.ssl(), peer_.certificate)) {
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
