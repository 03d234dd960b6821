// TLS over a socket. OpenSSL speaks to the socket through a small BIO of ours, which knows after a short read
// that nothing is left, as SocketStream does: with OpenSSL's own, each request would cost one more system
// call that only says so.

#pragma once

#include <memory>
#include <openssl/ssl.h>
#include <string>

#include "proxy/stream.hpp"

namespace postern {

class TicketKeys;
class TlsContext;

struct FreeSsl {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
};
using Ssl = std::unique_ptr<SSL, FreeSsl>;

class TlsStream final : public Stream {
 public:
  /// `ssl` knows its side already (accept or connect state). Null: there was no memory; nothing will work.
  TlsStream(Reactor& reactor, int fd, Ssl ssl) noexcept;
  /// The keys of the session tickets this side gives out; outlive the stream.
  void use_ticket_keys(TicketKeys* keys) noexcept { ticket_keys_ = keys; }
  /// What `ssl` was made from, on the accepting side: OpenSSL's callbacks look at it, and a reload may
  /// replace it at any moment before or during the handshake.
  void keep(std::shared_ptr<const TlsContext> context) noexcept { context_ = std::move(context); }

  [[nodiscard]] IoResult try_handshake() noexcept;
  /// Why the last step failed, for the log: "certificate verify failed: unable to get local issuer
  /// certificate".
  [[nodiscard]] std::string failure() const;
  [[nodiscard]] bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }
  [[nodiscard]] SSL* ssl() const noexcept { return ssl_.get(); }

  /// Sends close_notify, then FIN.
  [[nodiscard]] IoResult try_shut_down() noexcept override;
  void on_event(std::uint32_t events) noexcept override;

  // --- for the callbacks that OpenSSL makes ---
  [[nodiscard]] static TlsStream& of(const SSL* ssl) noexcept;
  [[nodiscard]] TicketKeys* ticket_keys() const noexcept { return ticket_keys_; }
  [[nodiscard]] int read_socket(char* buffer, std::size_t size, std::size_t& count, bool& retry) noexcept;
  [[nodiscard]] int write_socket(const char* bytes, std::size_t size, std::size_t& count,
                                 bool& retry) noexcept;
  [[nodiscard]] bool at_end() const noexcept { return socket_ended_; }

 protected:
  IoResult receive(std::span<char> buffer) noexcept override;
  IoResult send(std::span<const iovec> parts) noexcept override;
  bool drained(std::size_t received, std::size_t room) const noexcept override;
  bool arrived() noexcept override;
  void write_abandoned() noexcept override;

 private:
  /// What an operation that returned `result` <= 0 means.
  [[nodiscard]] IoStatus status_of(int result) noexcept;

  std::shared_ptr<const TlsContext> context_;  ///< outlives ssl_
  Ssl ssl_;
  TicketKeys* ticket_keys_ = nullptr;
  unsigned long error_ = 0;      ///< OpenSSL's, of what broke the connection
  bool socket_readable_ = true;  ///< as readable_ and writable_, of the socket beneath
  bool socket_writable_ = true;
  bool socket_ended_ = false;      ///< read to its end
  bool read_wants_write_ = false;  ///< a read goes on when there is room to write
  bool write_wants_read_ = false;  ///< a write goes on when something was read
  bool record_pending_ = false;  ///< a record is sealed and not yet sent: the same bytes must be tried again
  bool broken_ = false;          ///< nothing more may be said, close_notify least of all
  bool closed_ = false;          ///< close_notify was sent
};

/// `co_await handshake(stream, Wait::head, since)`: ok, or why not.
class HandshakeOperation final : public Operation {
 public:
  HandshakeOperation(TlsStream& stream, Patience wait, Clock::time_point since) noexcept
      : Operation(stream), tls_(stream), wait_(wait), since_(since) {}
  bool attempt() noexcept override {
    result_ = tls_.try_handshake();
    return result_.status != IoStatus::would_block;
  }
  bool await_ready() noexcept { return attempt(); }
  void await_suspend(std::coroutine_handle<> suspended) noexcept {
    suspend_as_reader(suspended, wait_, since_);  // either event makes it try again
  }
  IoResult await_resume() const noexcept { return result_; }

 private:
  TlsStream& tls_;
  Patience wait_;
  Clock::time_point since_;
};
[[nodiscard]] inline HandshakeOperation handshake(TlsStream& stream, Patience wait,
                                                  Clock::time_point since) noexcept {
  return {stream, wait, since};
}

}  // namespace postern
