// A client's connection of the load generator, in the clear or in TLS.

#pragma once

#include <fcntl.h>
#include <memory>
#include <openssl/ssl.h>

#include "tests/bench/loopback.hpp"

namespace postern::bench {

/// Checks no certificate: the server is the contender on this machine.
class TlsClient {
 public:
  TlsClient() : context_(::SSL_CTX_new(::TLS_client_method()), ::SSL_CTX_free) {
    if (!context_) give_up("SSL_CTX_new");
  }
  [[nodiscard]] SSL* connect(int descriptor) const {
    SSL* session = ::SSL_new(context_.get());
    if (!session || ::SSL_set_fd(session, descriptor) != 1 || ::SSL_connect(session) != 1)
      give_up("TLS handshake");
    return session;
  }

 private:
  std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_;
};

class ClientSocket {
 public:
  /// Connects, and shakes hands when `tls` is given. Both block; what comes after does not, unless it must.
  void open(std::uint16_t port, const TlsClient* tls) {
    descriptor_ = connect_to(port);
    if (tls) session_ = tls->connect(descriptor_);
    const int flags = checked(::fcntl(descriptor_, F_GETFL), "fcntl");
    checked(::fcntl(descriptor_, F_SETFL, flags | O_NONBLOCK), "fcntl");
  }

  [[nodiscard]] int descriptor() const { return descriptor_; }

  /// Everything, waiting for room where there is none.
  [[nodiscard]] bool send(std::string_view bytes) {
    if (!session_) return send_all(descriptor_, bytes);
    while (!bytes.empty()) {
      std::size_t written = 0;
      if (::SSL_write_ex(session_, bytes.data(), bytes.size(), &written) == 1) {
        bytes.remove_prefix(written);
      } else if (::SSL_get_error(session_, 0) == SSL_ERROR_WANT_WRITE) {
        pollfd room{descriptor_, POLLOUT, 0};
        ::poll(&room, 1, 1000);
      } else {
        return false;
      }
    }
    return true;
  }

  /// As recv: 0 at the end, -1 with EAGAIN when nothing is there. TLS may hold more than the socket shows, so
  /// the caller reads until then.
  [[nodiscard]] ssize_t receive(char* bytes, std::size_t size) {
    if (!session_) return ::recv(descriptor_, bytes, size, 0);
    std::size_t count = 0;
    if (::SSL_read_ex(session_, bytes, size, &count) == 1) return static_cast<ssize_t>(count);
    const int error = ::SSL_get_error(session_, 0);
    errno = error == SSL_ERROR_WANT_READ ? EAGAIN : EIO;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
  }

  /// Whether one read may leave bytes behind that bring no event.
  [[nodiscard]] bool holds_more() const { return session_ && ::SSL_has_pending(session_) == 1; }

 private:
  int descriptor_ = -1;
  SSL* session_ = nullptr;  // lives as long as the program
};

}  // namespace postern::bench
