// System calls of one turn of the event loop, made together: one entry into the kernel for all sockets that
// have something to read, and one for all that have something to be sent. Only the build with
// POSTERN_IO_URING has it (batch_uring.cpp), and only where the kernel allows it; without it (batch_none.cpp)
// each call is made by itself.

#pragma once

#include <memory>
#include <span>
#include <string>
#include <sys/socket.h>

namespace postern {

class Operation;

class Batch {
 public:
  /// Null where there is none; `why` is empty when this build has none anywhere, and says what the kernel
  /// refused otherwise.
  [[nodiscard]] static std::unique_ptr<Batch> make(std::string& why);
  ~Batch();

  /// Each takes a call that does not block, and keeps what it is about until the next submit(). False when
  /// the batch is full: then the caller makes the call itself.
  [[nodiscard]] bool receive(Operation& operation, int fd, std::span<char> buffer) noexcept;
  [[nodiscard]] bool send(Operation& operation, int fd, const msghdr& message) noexcept;
  /// The call is not made: what it is about may go.
  void forget(Operation& operation) noexcept;

  /// Makes all calls and tells each operation (Operation::done). False when there were none.
  bool submit() noexcept;

 private:
  struct Ring;
  explicit Batch(std::unique_ptr<Ring> ring) noexcept;
  std::unique_ptr<Ring> ring_;
};

}  // namespace postern
