// Deadlines on every wait. One intrusive list per kind of wait: all of a kind last equally long, so a list is
// sorted by appending, and arming and cancelling are O(1). Waits that a rule sets the time of have one list
// for each duration. The reactor sleeps until the earliest.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "conf/config.hpp"
#include "conf/limits.hpp"

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
  unused,       ///< how long buffers that nobody has needed keep their pages
  grace,        ///< an idle connection when the shard drains: a request may be under way
  recheck,      ///< the next look at the token of an open exchange
  pause,        ///< accepting rests because descriptors are exhausted
  half_closed,  ///< a client that has ended its side, before it is asked whether it still listens
};
inline constexpr std::size_t wait_count = 12;

/// A kind of wait, and how long when a rule has its own say.
struct Patience {
  Wait wait = Wait::head;
  std::uint32_t own = 0;  ///< milliseconds; 0: as long as all of this kind

  Patience(Wait kind, std::uint32_t milliseconds = 0) noexcept : wait(kind), own(milliseconds) {}
};

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
  [[nodiscard]] Clock::duration duration(Patience patience) const noexcept {
    return patience.own > 0 ? std::chrono::milliseconds(patience.own) : durations_[index(patience.wait)];
  }

  /// Counts from `since`: now, or earlier for a wait that takes several steps.
  void arm(Deadline& deadline, Patience patience, Clock::time_point since) noexcept;

  /// Expires what is due, in order within a kind.
  void expire(Clock::time_point now) noexcept;
  /// The earliest deadline, or time_point::max().
  [[nodiscard]] Clock::time_point earliest() const noexcept;

 private:
  struct Anchor final : Deadline {
    void expire() noexcept override {}
  };
  static constexpr std::size_t index(Wait wait) noexcept { return static_cast<std::size_t>(wait); }
  [[nodiscard]] std::size_t own_list(Clock::duration duration) noexcept;

  /// The kinds, then rules' own durations, of which a policy has no more than there is room for.
  std::array<Anchor, wait_count + limits::rule_durations_max> lists_;
  std::array<Clock::duration, wait_count + limits::rule_durations_max> durations_{};
  std::size_t lists_used_ = wait_count;
};

}  // namespace postern
