// Deadlines on every wait. One intrusive list per kind of wait: all of a kind last equally long, so a list is
// sorted by appending, and arming and cancelling are O(1). The reactor sleeps until the earliest.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "conf/config.hpp"

namespace postern {

using Clock = std::chrono::steady_clock;

/// What is being waited for.
enum class Wait : std::uint8_t {
  head = 0,     ///< the whole head of a request, from its first byte
  body,         ///< the next bytes of a body, in either direction
  idle,         ///< the next request on a kept connection; the next bytes of a tunnel or an event stream
  connect,      ///< an upstream connection
  response,     ///< the upstream's head
  expect,       ///< the upstream's word on `Expect: 100-continue`, then we give it ourselves
  linger,       ///< the rest of a request that was refused
  lent,         ///< how long an idle connection keeps its buffers
  grace,        ///< an idle connection when the shard drains: a request may be under way
  recheck,      ///< the next look at the token of an open exchange
  pause,        ///< accepting rests because descriptors are exhausted
  half_closed,  ///< a client that has ended its side, before it is asked whether it still listens
};
inline constexpr std::size_t wait_count = 12;

class DeadlineLists;

/// A node in a list. What expires is told by expire(); it is off the list by then.
class Deadline {
 public:
  Deadline() = default;
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  virtual ~Deadline() { disarm(); }
  virtual void expire() noexcept = 0;
  [[nodiscard]] bool armed() const noexcept { return next_ != nullptr; }
  void disarm() noexcept {
    if (!next_) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  friend class DeadlineLists;
  Deadline* next_ = nullptr;
  Deadline* previous_ = nullptr;
  Clock::time_point at_;
};

class DeadlineLists {
 public:
  DeadlineLists();
  /// New durations hold for what is armed from now on.
  void set_durations(const Timeouts& timeouts, std::chrono::milliseconds recheck = {}) noexcept;
  [[nodiscard]] Clock::duration duration(Wait wait) const noexcept { return durations_[index(wait)]; }

  /// Counts from `since`: now, or earlier for a wait that takes several steps.
  void arm(Deadline& deadline, Wait wait, Clock::time_point since) noexcept;

  /// Expires what is due, in order within a kind.
  void expire(Clock::time_point now) noexcept;
  /// The earliest deadline, or time_point::max().
  [[nodiscard]] Clock::time_point earliest() const noexcept;

 private:
  struct Anchor final : Deadline {
    void expire() noexcept override {}
  };
  static constexpr std::size_t index(Wait wait) noexcept { return static_cast<std::size_t>(wait); }

  std::array<Anchor, wait_count> lists_;
  std::array<Clock::duration, wait_count> durations_{};
};

}  // namespace postern
