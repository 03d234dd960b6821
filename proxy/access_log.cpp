#include "proxy/access_log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace postern {
namespace {

/// More lines are on their way under load; one write for many costs less than one for each. A flood of long
/// lines is seen by how much of a ring it has filled meanwhile.
constexpr std::chrono::milliseconds gathering{10};
constexpr std::chrono::milliseconds gathering_in_flood{1};

Result<int> open_target(const std::string& target) {
  if (target == "off") return -1;
  if (target == "-") return ::dup(STDOUT_FILENO);
  const int descriptor = ::open(target.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (descriptor < 0)
    return Error{ErrorKind::unavailable, "access log " + target + ": " + std::strerror(errno)};
  return descriptor;
}

}  // namespace

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& target, std::size_t rings,
                                                   ProcessMetrics& metrics) {
  POSTERN_TRY(const int descriptor, open_target(target));
  return std::unique_ptr<AccessLog>(new AccessLog(target, descriptor, rings, metrics));
}

AccessLog::AccessLog(std::string target, int descriptor, std::size_t rings, ProcessMetrics& metrics)
    : target_(std::move(target)), descriptor_(descriptor), metrics_(metrics) {
  if (descriptor < 0) return;
  for (std::size_t i = 0; i < rings; ++i) rings_.push_back(std::make_unique<ByteRing>(ring_bytes));
  thread_ = std::thread([this] { run(); });
}

AccessLog::~AccessLog() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  sleeping_ = 0;
  sleeping_.notify_one();
  thread_.join();
  ::close(descriptor_);
}

Status AccessLog::reopen() {
  if (!enabled() || target_ == "-") return {};
  POSTERN_TRY(const int fresh, open_target(target_));
  // The number stays the same, so that the writing thread never holds one that was closed under it.
  const int result = ::dup3(fresh, descriptor_, O_CLOEXEC);
  ::close(fresh);
  if (result < 0) return Error{ErrorKind::unavailable, "access log " + target_ + ": " + std::strerror(errno)};
  return {};
}

void AccessLog::wake() noexcept {
  // Orders the shard's write into its ring before the look at `sleeping_`; the thread does the reverse.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_relaxed) == 0) return;
  // Read and written at once, since notify_one() looks whether anybody waits: the other order would lose him.
  if (sleeping_.exchange(0) != 0) sleeping_.notify_one();
}

void AccessLog::run() noexcept {
  for (;;) {
    const bool last = stopping_;
    while (const std::size_t written = write_out())
      if (!last) std::this_thread::sleep_for(written > ring_bytes / 4 ? gathering_in_flood : gathering);
    if (last) return;
    // Nothing came for a while. From here on a shard that puts something says so.
    sleeping_.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (write_out() == 0 && !stopping_) sleeping_.wait(1);
    sleeping_.store(0, std::memory_order_relaxed);
  }
}

std::size_t AccessLog::write_out() noexcept {
  std::size_t most = 0;
  for (const auto& ring : rings_) {
    std::size_t bytes = 0;
    ring->drain([&](std::string_view lines) {
      write_fully(lines.data(), lines.size());
      bytes += lines.size();
    });
    most = std::max(most, bytes);
  }
  return most;
}

void AccessLog::write_fully(const char* bytes, std::size_t size) noexcept {
  while (size > 0) {
    const ssize_t count = ::write(descriptor_, bytes, size);
    if (count > 0) {
      bytes += count;
      size -= static_cast<std::size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) {
      pollfd wait{descriptor_, POLLOUT, 0};
      ::poll(&wait, 1, 1000);
      if (!stopping_) continue;
    }
    metrics_.log_write_errors.add();  // a full disk: these lines are lost, later ones are tried again
    return;
  }
}

}  // namespace postern
