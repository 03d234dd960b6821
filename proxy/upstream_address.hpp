// What is known about one address of an upstream, and which of several a request goes to. Pure bookkeeping:
// no socket, and the time is told.

#pragma once

#include <cstdint>
#include <span>

#include "proxy/deadline.hpp"

namespace postern {

/// Whether an address is worth a request. An address that fails several times in a row is left alone for a
/// while, longer each time it fails again right after.
class AddressHealth {
 public:
  /// A connection could not be made, died before the first byte of an answer, or an answer did not come in
  /// time. True when the address is ejected by it.
  [[nodiscard]] bool failed(Clock::time_point now) noexcept;
  /// An answer began. What is not in trouble is told so at the cost of one comparison.
  void answered(Clock::time_point now) noexcept {
    if (failures_ > 0 || ejections_ > 0) forgive(now);
  }
  /// What the control plane's own question found out.
  void set_healthy(bool healthy) noexcept { healthy_ = healthy; }

  [[nodiscard]] bool usable(Clock::time_point now) const noexcept {
    return healthy_ && (ejections_ == 0 || now >= ejected_until_);
  }
  [[nodiscard]] Clock::time_point ejected_at() const noexcept { return ejected_at_; }
  [[nodiscard]] Clock::time_point ejected_until() const noexcept { return ejected_until_; }

 private:
  void forgive(Clock::time_point now) noexcept;

  bool healthy_ = true;
  std::uint32_t failures_ = 0;   // in a row, within the window
  std::uint32_t ejections_ = 0;  // in a row; each doubles the time
  Clock::time_point first_failure_;
  Clock::time_point ejected_at_;
  Clock::time_point ejected_until_;
};

/// What choosing looks at, of one address.
struct Candidate {
  std::uint32_t in_flight = 0;
  AddressHealth health;
};

/// The index of the candidate with the fewest requests in flight among those that are usable; of equals the
/// first one at or after `turn`. When none is usable: the one that was ejected longest ago, since an upstream
/// that has come back must be found. Null entries are left out; `size` when all are null.
[[nodiscard]] std::size_t choose(std::span<const Candidate* const> candidates, std::size_t turn,
                                 Clock::time_point now) noexcept;

}  // namespace postern
