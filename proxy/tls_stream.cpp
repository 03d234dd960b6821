#include "proxy/tls_stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <openssl/err.h>
#include <sys/socket.h>

namespace postern {
namespace {

constexpr std::size_t record_bytes_max = 16 * 1024;  // RFC 8446 §5.1

// --- the BIO: OpenSSL's view of our socket ---

TlsStream& stream_of(BIO* bio) noexcept {
  return *static_cast<TlsStream*>(BIO_get_data(bio));
}

int read_bio(BIO* bio, char* buffer, std::size_t size, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  bool retry = false;
  const int done = stream_of(bio).read_socket(buffer, size, *count, retry);
  if (retry) BIO_set_retry_read(bio);
  return done;
}

int write_bio(BIO* bio, const char* bytes, std::size_t size, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  bool retry = false;
  const int done = stream_of(bio).write_socket(bytes, size, *count, retry);
  if (retry) BIO_set_retry_write(bio);
  return done;
}

long control_bio(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return stream_of(bio).at_end() ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;  // nothing is held back
}

BIO_METHOD* socket_method() noexcept {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "postern socket");
    if (!made) return made;
    BIO_meth_set_read_ex(made, read_bio);
    BIO_meth_set_write_ex(made, write_bio);
    BIO_meth_set_ctrl(made, control_bio);
    return made;
  }();
  return method;
}

/// The bytes of the next record: small pieces are gathered, so that a head and the begin of its body are one.
/// Made anew for each try: the same pieces give the same bytes.
std::string_view next_record(std::span<const iovec> parts) noexcept {
  thread_local std::array<char, record_bytes_max> record;
  const auto view = [](const iovec& part) {
    return std::string_view(static_cast<const char*>(part.iov_base), part.iov_len);
  };
  if (parts.size() == 1 || parts[0].iov_len >= record_bytes_max)
    return view(parts[0]).substr(0, record_bytes_max);
  std::size_t size = 0;
  for (const iovec& part : parts) {
    const std::size_t count = std::min(part.iov_len, record.size() - size);
    std::memcpy(record.data() + size, part.iov_base, count);
    size += count;
  }
  return {record.data(), size};
}

}  // namespace

TlsStream::TlsStream(Reactor& reactor, int fd, Ssl ssl) noexcept : Stream(reactor, fd), ssl_(std::move(ssl)) {
  BIO* const bio = ssl_ && socket_method() ? BIO_new(socket_method()) : nullptr;
  if (!bio) {
    broken_ = true;
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
}

TlsStream& TlsStream::of(const SSL* ssl) noexcept {
  return *static_cast<TlsStream*>(SSL_get_app_data(ssl));
}

int TlsStream::read_socket(char* buffer, std::size_t size, std::size_t& count, bool& retry) noexcept {
  count = 0;
  retry = !socket_readable_;
  if (retry) return 0;
  const ssize_t received = ::recv(fd(), buffer, size, 0);
  if (received > 0) {
    count = static_cast<std::size_t>(received);
    if (count < size && !ended_) socket_readable_ = false;
    return 1;
  }
  if (received == 0) socket_ended_ = true;
  if (received < 0 && errno == EAGAIN) {
    socket_readable_ = false;
    retry = true;
  }
  return 0;
}

int TlsStream::write_socket(const char* bytes, std::size_t size, std::size_t& count, bool& retry) noexcept {
  count = 0;
  retry = !socket_writable_;
  if (retry) return 0;
  const ssize_t sent = ::send(fd(), bytes, size, MSG_NOSIGNAL);
  if (sent >= 0) {
    count = static_cast<std::size_t>(sent);
    return 1;
  }
  if (errno == EAGAIN) {
    socket_writable_ = false;
    retry = true;
  }
  return 0;
}

void TlsStream::on_event(std::uint32_t events) noexcept {
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) socket_readable_ = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) socket_writable_ = true;
  if (read_wants_write_ && socket_writable_) events |= EPOLLIN;
  if (write_wants_read_ && socket_readable_) events |= EPOLLOUT;
  Stream::on_event(events);
}

IoStatus TlsStream::status_of(int result) noexcept {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return IoStatus::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return IoStatus::eof;
    default:  // an end without close_notify among them: nobody can tell what was cut off
      broken_ = true;
      error_ = ERR_peek_error();
      ERR_clear_error();
      return IoStatus::reset;
  }
}

IoResult TlsStream::try_handshake() noexcept {
  if (broken_) return {0, IoStatus::reset};
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? IoResult{} : IoResult{0, status_of(result)};
}

IoResult TlsStream::receive(std::span<char> buffer) noexcept {
  if (broken_) return {0, IoStatus::reset};
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
  read_wants_write_ = SSL_want_write(ssl_.get());
  return result == 1 ? IoResult{count, IoStatus::ok} : IoResult{0, status_of(result)};
}

// What OpenSSL has read ahead brings no event.
bool TlsStream::drained(std::size_t, std::size_t) const noexcept {
  return !socket_readable_ && SSL_has_pending(ssl_.get()) == 0;
}

// A session ticket or a change of keys is not for the reader; whoever has an idle connection need not care.
bool TlsStream::arrived() noexcept {
  if (broken_) return true;
  ERR_clear_error();
  char byte = 0;
  std::size_t count = 0;
  const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &count);
  read_wants_write_ = SSL_want_write(ssl_.get());
  if (result == 1 || status_of(result) != IoStatus::would_block) return true;
  readable_ = false;
  return false;
}

IoResult TlsStream::send(std::span<const iovec> parts) noexcept {
  if (broken_) return {0, IoStatus::reset};
  ERR_clear_error();
  const std::string_view record = next_record(parts);
  std::size_t count = 0;
  const int result = SSL_write_ex(ssl_.get(), record.data(), record.size(), &count);
  write_wants_read_ = SSL_want_read(ssl_.get());
  record_pending_ = result != 1;
  return result == 1 ? IoResult{count, IoStatus::ok} : IoResult{0, status_of(result)};
}

// Other bytes in the place of a sealed record's would be lost without a word.
void TlsStream::write_abandoned() noexcept {
  if (record_pending_) broken_ = true;
}

IoResult TlsStream::try_shut_down() noexcept {
  if (closed_) return {};
  if (broken_ || record_pending_ || SSL_is_init_finished(ssl_.get()) == 0) return {0, IoStatus::reset};
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  if (result < 0) return {0, status_of(result)};
  closed_ = true;
  return Stream::try_shut_down();
}

std::string TlsStream::failure() const {
  const long verified = ssl_ ? SSL_get_verify_result(ssl_.get()) : X509_V_OK;
  const char* const reason = ERR_reason_error_string(error_);
  std::string text = reason ? reason : "the connection ended";
  if (verified != X509_V_OK) text += std::string(": ") + X509_verify_cert_error_string(verified);
  return text;
}

}  // namespace postern
