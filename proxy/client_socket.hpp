// A socket of somebody who asks something and waits for the answer, but not for ever.

#pragma once

#include <chrono>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace postern {

/// Closes itself. Nothing blocks but wait().
class ClientSocket {
 public:
  using Clock = std::chrono::steady_clock;

  /// fd() is negative when there are no descriptors left.
  explicit ClientSocket(int family) noexcept
      : fd_(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;
  ~ClientSocket() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// False when nothing happens until then, or when the descriptor `stop` (-1: none) becomes readable.
  [[nodiscard]] bool wait(short event, Clock::time_point until, int stop = -1) const noexcept {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd waiting[] = {{fd_, event, 0}, {stop, POLLIN, 0}};
    return left > 0 && ::poll(waiting, 2, static_cast<int>(left)) > 0 && waiting[1].revents == 0;
  }

 private:
  int fd_;
};

}  // namespace postern
