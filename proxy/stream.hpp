// One connection, to a client or to an upstream, and the waits on it. A transport only tries without
// blocking; waiting, deadlines and cancelling are the same for all of them.

#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <sys/uio.h>

#include "proxy/batch.hpp"
#include "proxy/reactor.hpp"

namespace postern {

enum class IoStatus : std::uint8_t {
  ok = 0,
  would_block,  ///< only from a try
  eof,          ///< the peer sent its last byte
  reset,        ///< the connection is broken
  timed_out,    ///< the deadline of this wait passed; the stream itself is as it was
  cancelled,    ///< somebody called cancel()
};

struct IoResult {
  std::size_t bytes = 0;  ///< moved, also when a write broke off half-way
  IoStatus status = IoStatus::ok;
  [[nodiscard]] bool ok() const noexcept { return status == IoStatus::ok; }
};

class Stream;

/// A wait on a stream: lives in the awaiter, is resumed by event, deadline or cancel, whichever comes first.
class Operation : public Ready, public Deadline {
 public:
  explicit Operation(Stream& stream) noexcept : stream_(stream) {}
  /// Tries again; true when there is a result.
  virtual bool attempt() noexcept = 0;
  /// Hands the next try to the batch; done() tells what came of it. False: it is to be made by attempt().
  virtual bool begin(Batch&) noexcept { return false; }
  /// `result` is as the system call's, with -errno; or not_made, when there was no call after all. Must not
  /// resume a coroutine.
  virtual void done(int result) noexcept;
  static constexpr int not_made = std::numeric_limits<int>::min();
  /// Its place in the batch, for the batch alone; 0: in none.
  [[nodiscard]] unsigned batched() const noexcept { return batched_; }
  void batched(unsigned place) noexcept { batched_ = static_cast<std::uint16_t>(place); }
  void expire() noexcept override { finish(IoStatus::timed_out); }
  void finish(IoStatus status) noexcept;

 protected:
  /// Suspends until an event makes attempt() succeed, the deadline passes, or somebody cancels. One reader
  /// and one writer a stream.
  void suspend_as_reader(std::coroutine_handle<> suspended, Patience wait, Clock::time_point since) noexcept;
  void suspend_as_writer(std::coroutine_handle<> suspended, Patience wait) noexcept;
  [[nodiscard]] bool stream_writable() const noexcept;
  void expect_new_write_event() noexcept;

  [[nodiscard]] bool may_receive_in_batch() const noexcept;
  [[nodiscard]] bool may_send_in_batch() const noexcept;
  [[nodiscard]] IoResult received(int result, std::size_t room) noexcept;

  Stream& stream_;
  IoResult result_;

 private:
  friend class Stream;
  std::uint16_t batched_ = 0;
};

class Stream : public Descriptor {
 public:
  Stream(Reactor& reactor, int fd) noexcept : Descriptor(reactor, fd) {}

  /// Registers with the reactor. False when it has no room.
  [[nodiscard]] bool open() noexcept;

  /// Read what is there. `readable_` is known to be false after a short read until the next event, which
  /// saves the call that would only say so.
  [[nodiscard]] IoResult try_read(std::span<char> buffer) noexcept;
  [[nodiscard]] IoResult try_write(std::span<const iovec> parts) noexcept;

  /// Ends the pending waits with `cancelled`. Waits begun later are not concerned.
  void cancel() noexcept;
  void cancel_read() noexcept;
  void cancel_write() noexcept;

  /// The peer has closed both ways, or broken the connection: nobody is there to read an answer.
  [[nodiscard]] bool hung_up() const noexcept { return hung_up_; }
  /// The peer has closed its sending side: what has arrived and was not read is the last of it.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// Whether a write waits for room.
  [[nodiscard]] bool writing() const noexcept { return writer_ != nullptr; }
  /// While set, a hang-up of this stream cancels the other one's waits (a client that is gone ends the wait
  /// for its answer).
  void on_hang_up_cancel(Stream* other) noexcept { cancelled_with_us_ = other; }
  /// Whether something has arrived (or the peer has closed) that was not read: an idle connection is then of
  /// no use.
  [[nodiscard]] bool readable() noexcept { return readable_ && arrived(); }
  /// After a read that filled its room, as the last one of a body does: asks whether more is there, or a wait
  /// for it would end at once. A system call only then.
  void settle() noexcept;
  /// Of a connection being made, before open(), or of one that a short read has emptied: what comes will
  /// bring an event, so there is no use in trying before.
  void nothing_to_read_yet() noexcept { readable_ = false; }
  /// Called on an event when nobody waits; the pool uses it to drop idle connections that the upstream
  /// closed.
  using IdleEvent = void (*)(Stream&, void* context);
  void on_idle_event(IdleEvent handler, void* context) noexcept {
    idle_event_ = handler;
    idle_context_ = context;
  }

  /// Says that nothing more will come, reading goes on: FIN, or what the transport has for a clean end before
  /// it. `would_block`: no room for that yet.
  [[nodiscard]] virtual IoResult try_shut_down() noexcept;

  void on_event(std::uint32_t events) noexcept override;

 protected:
  /// recv/sendmsg, or TLS. Negative results never come: status tells.
  virtual IoResult receive(std::span<char> buffer) noexcept = 0;
  virtual IoResult send(std::span<const iovec> parts) noexcept = 0;
  /// After a successful receive into `room` bytes: whether nothing is left, so that what comes later brings a
  /// new event.
  virtual bool drained(std::size_t received, std::size_t room) const noexcept { return received < room; }
  /// Whether receive() and send() are one system call on the socket, that a batch may make.
  virtual bool plain() const noexcept { return false; }
  /// Whether what has arrived is anything to read: not so of a transport's own messages. May clear readable_.
  virtual bool arrived() noexcept { return true; }
  /// A write that had no room will not be tried again.
  virtual void write_abandoned() noexcept {}

  bool readable_ = true;  ///< something may be there to read
  bool ended_ = false;    ///< the peer's FIN was seen: read on until it is reached

 private:
  friend class Operation;
  /// What a receive into `room` bytes says of the stream.
  IoResult received(IoResult result, std::size_t room) noexcept;

  Operation* reader_ = nullptr;
  Operation* writer_ = nullptr;
  Stream* cancelled_with_us_ = nullptr;
  IdleEvent idle_event_ = nullptr;
  void* idle_context_ = nullptr;
  bool writable_ = true;  ///< the socket's buffer may have room
  bool hung_up_ = false;
};

/// A TCP or Unix socket.
class SocketStream final : public Stream {
 public:
  using Stream::Stream;

 protected:
  IoResult receive(std::span<char> buffer) noexcept override;
  IoResult send(std::span<const iovec> parts) noexcept override;
  bool plain() const noexcept override { return true; }
};

/// `co_await read_some(stream, buffer, Wait::body)`: at least one byte, or why not.
class ReadOperation final : public Operation {
 public:
  ReadOperation(Stream& stream, std::span<char> buffer, Patience wait, Clock::time_point since) noexcept
      : Operation(stream), buffer_(buffer), wait_(wait), since_(since) {}
  bool attempt() noexcept override;
  bool begin(Batch& batch) noexcept override;
  void done(int result) noexcept override;
  bool await_ready() noexcept { return attempt(); }
  void await_suspend(std::coroutine_handle<> suspended) noexcept {
    suspend_as_reader(suspended, wait_, since_);
  }
  IoResult await_resume() const noexcept { return result_; }

 private:
  std::span<char> buffer_;
  Patience wait_;
  Clock::time_point since_;
};
[[nodiscard]] inline ReadOperation read_some(Stream& stream, std::span<char> buffer, Patience wait) noexcept {
  return {stream, buffer, wait, stream.reactor().now()};
}
/// The deadline counts from `since`, for a wait that takes several reads.
[[nodiscard]] inline ReadOperation read_some_since(Stream& stream, std::span<char> buffer, Patience wait,
                                                   Clock::time_point since) noexcept {
  return {stream, buffer, wait, since};
}

/// A few pieces to be written as one.
struct Pieces {
  std::array<iovec, 6> parts{};
  std::size_t count = 0;
  void add(std::string_view piece) noexcept {
    if (piece.empty()) return;
    POSTERN_CHECK(count < parts.size());
    parts[count++] = {const_cast<char*>(piece.data()), piece.size()};
  }
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) total += parts[i].iov_len;
    return total;
  }
};

/// `co_await write_all(stream, pieces)`: everything, or why not; result.bytes tells how much went out. The
/// deadline starts anew with each progress of at least `worth` bytes. Consumes `pieces`.
class WriteOperation final : public Operation {
 public:
  WriteOperation(Stream& stream, Pieces& pieces, Patience wait, std::size_t worth) noexcept
      : Operation(stream), pieces_(pieces), wait_(wait), worth_(worth) {}
  bool attempt() noexcept override;
  bool begin(Batch& batch) noexcept override;
  void done(int result) noexcept override;
  bool await_ready() noexcept {
    Batch* const batch = stream_.reactor().batch();
    return !(batch != nullptr && begin(*batch)) && attempt();
  }
  void await_suspend(std::coroutine_handle<> suspended) noexcept { suspend_as_writer(suspended, wait_); }
  IoResult await_resume() const noexcept { return result_; }

 private:
  void consume(std::size_t bytes) noexcept;
  Pieces& pieces_;
  Patience wait_;
  std::size_t worth_;
  msghdr message_{};         ///< while it is in a batch
  std::size_t counted_ = 0;  ///< bytes for which the deadline has been set
  std::size_t first_ = 0;
};
[[nodiscard]] inline WriteOperation write_all(Stream& stream, Pieces& pieces, Patience wait = Wait::body,
                                              std::size_t worth = 1) noexcept {
  return {stream, pieces, wait, worth};
}

/// `co_await until_readable(stream, Wait::idle, since)`: something to read or the end; needs no buffer.
class ReadableOperation final : public Operation {
 public:
  ReadableOperation(Stream& stream, Patience wait, Clock::time_point since) noexcept
      : Operation(stream), wait_(wait), since_(since) {}
  bool attempt() noexcept override { return stream_.readable(); }
  bool await_ready() noexcept { return attempt(); }
  void await_suspend(std::coroutine_handle<> suspended) noexcept {
    suspend_as_reader(suspended, wait_, since_);
  }
  IoResult await_resume() const noexcept { return result_; }

 private:
  Patience wait_;
  Clock::time_point since_;
};
[[nodiscard]] inline ReadableOperation until_readable(Stream& stream, Patience wait,
                                                      Clock::time_point since) noexcept {
  return {stream, wait, since};
}

/// `co_await shut_down(stream, Wait::linger)`: the clean end was said, or why not.
class ShutDownOperation final : public Operation {
 public:
  ShutDownOperation(Stream& stream, Patience wait) noexcept : Operation(stream), wait_(wait) {}
  bool attempt() noexcept override {
    result_ = stream_.try_shut_down();
    return result_.status != IoStatus::would_block;
  }
  bool await_ready() noexcept { return attempt(); }
  void await_suspend(std::coroutine_handle<> suspended) noexcept { suspend_as_writer(suspended, wait_); }
  IoResult await_resume() const noexcept { return result_; }

 private:
  Patience wait_;
};
[[nodiscard]] inline ShutDownOperation shut_down(Stream& stream, Patience wait) noexcept {
  return {stream, wait};
}

/// Room to write: a connection being made has it once it stands.
class WritableOperation final : public Operation {
 public:
  WritableOperation(Stream& stream, Patience wait) noexcept : Operation(stream), wait_(wait) {}
  bool attempt() noexcept override { return stream_writable(); }
  bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> suspended) noexcept {
    expect_new_write_event();
    suspend_as_writer(suspended, wait_);
  }
  IoResult await_resume() const noexcept { return result_; }

 private:
  Patience wait_;
};

inline bool Operation::stream_writable() const noexcept {
  return stream_.writable_;
}
inline void Operation::expect_new_write_event() noexcept {
  stream_.writable_ = false;
}

}  // namespace postern
