// Whether a peer that may pause moves on at all: bytes against the time spent waiting for them.

#pragma once

#include <cstdint>

#include "proxy/deadline.hpp"

namespace postern {

class Pace {
 public:
  /// `bytes` came after `waited`. True when, over at least `window` of waiting, fewer than `rate` bytes a
  /// second came; then it begins anew. Time in which nobody waited does not count: what is slow may be the
  /// other side.
  [[nodiscard]] bool too_slow(std::size_t bytes, Clock::duration waited, std::uint64_t rate,
                              Clock::duration window) noexcept {
    bytes_ += bytes;
    waited_ += waited;
    if (rate == 0 || waited_ < window) return false;
    const auto milliseconds =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(waited_).count());
    const bool slow = bytes_ * 1000 < rate * milliseconds;
    bytes_ = 0;
    waited_ = {};
    return slow;
  }

 private:
  std::uint64_t bytes_ = 0;
  Clock::duration waited_{};
};

}  // namespace postern
