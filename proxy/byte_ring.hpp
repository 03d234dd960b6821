// Bytes from one thread to another without a lock: from a shard to whoever writes them down.

#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace postern {

/// One writer, one reader. What was put is read whole, in order; what finds no room is refused.
class ByteRing {
 public:
  /// `size`: bytes, a power of two. Pages are touched as they are used.
  explicit ByteRing(std::uint64_t size);
  ~ByteRing();
  ByteRing(const ByteRing&) = delete;
  ByteRing& operator=(const ByteRing&) = delete;

  /// The writer's. False when there is no room.
  [[nodiscard]] bool put(std::string_view bytes) noexcept;

  /// The reader's: calls `take` with all that is there, in one piece or two, then frees it. False when
  /// nothing was.
  template <class Take>
  bool drain(Take take) noexcept {
    const std::uint64_t read = read_.load(std::memory_order_relaxed);
    const std::uint64_t written = written_.load(std::memory_order_acquire);
    if (read == written) return false;
    const std::uint64_t at = read & (size_ - 1);
    const std::uint64_t total = written - read;
    const std::uint64_t until_edge = total < size_ - at ? total : size_ - at;
    take(std::string_view(bytes_ + at, until_edge));
    if (total > until_edge) take(std::string_view(bytes_, total - until_edge));
    read_.store(written, std::memory_order_release);
    return true;
  }

 private:
  const std::uint64_t size_;
  char* const bytes_;
  alignas(64) std::atomic<std::uint64_t> written_{0};
  alignas(64) std::atomic<std::uint64_t> read_{0};
};

}  // namespace postern
