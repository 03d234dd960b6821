#include "proxy/stream.hpp"

#include <cerrno>
#include <sys/socket.h>

namespace postern {
namespace {

IoStatus status_of(int error) noexcept {
  static_assert(EAGAIN == EWOULDBLOCK);
  return error == EAGAIN ? IoStatus::would_block : IoStatus::reset;
}

/// `count` as recv() gives it, `error` where that is negative.
IoResult result_of_receive(ssize_t count, int error) noexcept {
  if (count > 0) return {static_cast<std::size_t>(count), IoStatus::ok};
  if (count == 0) return {0, IoStatus::eof};
  return {0, status_of(error)};
}

}  // namespace

void Operation::finish(IoStatus status) noexcept {
  if (batched_ != 0) stream_.reactor().forget_call(*this);
  if (stream_.reader_ == this) stream_.reader_ = nullptr;
  if (stream_.writer_ == this) {
    stream_.writer_ = nullptr;
    if (status == IoStatus::timed_out || status == IoStatus::cancelled) stream_.write_abandoned();
  }
  disarm();
  result_.status = status;
  stream_.reactor().make_ready(*this);
}

void Operation::suspend_as_reader(std::coroutine_handle<> suspended, Patience wait,
                                  Clock::time_point since) noexcept {
  POSTERN_CHECK(!stream_.reader_);
  coroutine = suspended;
  stream_.reader_ = this;
  stream_.reactor().deadlines().arm(*this, wait, since);
}

void Operation::suspend_as_writer(std::coroutine_handle<> suspended, Patience wait) noexcept {
  POSTERN_CHECK(!stream_.writer_);
  coroutine = suspended;
  stream_.writer_ = this;
  stream_.reactor().deadlines().arm(*this, wait, stream_.reactor().now());
}

void Operation::done(int) noexcept {
  if (attempt()) finish(result_.status);
}

bool Operation::may_receive_in_batch() const noexcept {
  return stream_.plain() && stream_.readable_;
}

bool Operation::may_send_in_batch() const noexcept {
  return stream_.plain() && stream_.writable_;
}

IoResult Operation::received(int result, std::size_t room) noexcept {
  return stream_.received(result_of_receive(result, -result), room);
}

bool Stream::open() noexcept {
  return watch(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

IoResult Stream::try_read(std::span<char> buffer) noexcept {
  if (!readable_) return {0, IoStatus::would_block};
  return received(receive(buffer), buffer.size());
}

IoResult Stream::received(IoResult result, std::size_t room) noexcept {
  // A short read has emptied the socket: what comes later brings a new event. After the peer's FIN there is
  // none, so read on.
  if (result.status == IoStatus::would_block || (result.ok() && !ended_ && drained(result.bytes, room)))
    readable_ = false;
  return result;
}

IoResult Stream::try_write(std::span<const iovec> parts) noexcept {
  if (!writable_) return {0, IoStatus::would_block};
  const IoResult result = send(parts);
  if (result.status == IoStatus::would_block) writable_ = false;
  return result;
}

void Stream::settle() noexcept {
  char byte = 0;
  if (readable_ && plain() && ::recv(fd(), &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN) readable_ = false;
}

void Stream::cancel_read() noexcept {
  if (reader_) reader_->finish(IoStatus::cancelled);
}
void Stream::cancel_write() noexcept {
  if (writer_) writer_->finish(IoStatus::cancelled);
}
void Stream::cancel() noexcept {
  cancel_read();
  cancel_write();
}

IoResult Stream::try_shut_down() noexcept {
  ::shutdown(fd(), SHUT_WR);
  return {};
}

void Stream::on_event(std::uint32_t events) noexcept {
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) writable_ = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ended_ = true;
  if (events & (EPOLLHUP | EPOLLERR)) {
    hung_up_ = true;
    if (cancelled_with_us_) cancelled_with_us_->cancel();
  }
  const bool awaited = reader_ || writer_;
  Batch* const batch = reactor().batch();
  for (Operation* operation : {reader_, writer_}) {
    if (!operation || (batch && operation->begin(*batch)) || !operation->attempt()) continue;
    const IoStatus status = operation->result_.status;
    operation->finish(status);
  }
  if (!awaited && idle_event_ && readable()) idle_event_(*this, idle_context_);
}

IoResult SocketStream::receive(std::span<char> buffer) noexcept {
  const ssize_t count = ::recv(fd(), buffer.data(), buffer.size(), 0);
  return result_of_receive(count, errno);
}

IoResult SocketStream::send(std::span<const iovec> parts) noexcept {
  ssize_t count = 0;
  if (parts.size() == 1) {
    count = ::send(fd(), parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
  } else {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    count = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
  }
  if (count >= 0) return {static_cast<std::size_t>(count), IoStatus::ok};
  return {0, status_of(errno)};
}

bool ReadOperation::attempt() noexcept {
  result_ = stream_.try_read(buffer_);
  return result_.status != IoStatus::would_block;
}

bool ReadOperation::begin(Batch& batch) noexcept {
  return batched() != 0 || (may_receive_in_batch() && batch.receive(*this, stream_.fd(), buffer_));
}

void ReadOperation::done(int result) noexcept {
  if (result == not_made) return Operation::done(result);
  result_ = received(result, buffer_.size());
  if (result_.status != IoStatus::would_block) finish(result_.status);
}

bool WriteOperation::attempt() noexcept {
  while (first_ < pieces_.count) {
    const IoResult step = stream_.try_write({pieces_.parts.data() + first_, pieces_.count - first_});
    if (step.status == IoStatus::would_block) {
      if (!armed()) {
        counted_ = result_.bytes;
      } else if (result_.bytes >= counted_ + worth_) {
        counted_ = result_.bytes;
        stream_.reactor().deadlines().arm(*this, wait_, stream_.reactor().now());
      }
      return false;
    }
    if (!step.ok()) {
      result_.status = step.status;
      return true;
    }
    consume(step.bytes);
  }
  return true;
}

bool WriteOperation::begin(Batch& batch) noexcept {
  if (batched() != 0) return true;
  if (!may_send_in_batch() || first_ == pieces_.count) return false;
  message_.msg_iov = pieces_.parts.data() + first_;
  message_.msg_iovlen = pieces_.count - first_;
  return batch.send(*this, stream_.fd(), message_);
}

/// What is left, or was refused, is tried once more by itself: that sees to errors and the deadline.
void WriteOperation::done(int result) noexcept {
  if (result > 0) consume(static_cast<std::size_t>(result));
  Operation::done(result);
}

void WriteOperation::consume(std::size_t bytes) noexcept {
  result_.bytes += bytes;
  while (bytes > 0) {
    iovec& part = pieces_.parts[first_];
    if (bytes < part.iov_len) {
      part.iov_base = static_cast<char*>(part.iov_base) + bytes;
      part.iov_len -= bytes;
      return;
    }
    bytes -= part.iov_len;
    ++first_;
  }
}

}  // namespace postern
