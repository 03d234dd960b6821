#include "proxy/upstream_address.hpp"

#include <algorithm>

#include "conf/limits.hpp"

namespace postern {

bool AddressHealth::failed(Clock::time_point now) noexcept {
  if (failures_ == 0 || now - first_failure_ > limits::ejection_window) {
    // Right after an ejection one more failure is enough: the address has only been let in to show itself.
    const bool on_trial = ejections_ > 0 && now - ejected_until_ <= limits::ejection_window;
    if (!on_trial) ejections_ = 0;
    failures_ = on_trial ? limits::ejection_failures - 1 : 0;
    first_failure_ = now;
  }
  if (++failures_ < limits::ejection_failures || now < ejected_until_) return false;
  constexpr std::uint32_t doublings_max = 16;  // beyond, the longest time is reached long since
  const auto grown = limits::ejection_time_min * (1 << std::min(ejections_, doublings_max));
  ejected_at_ = now;
  ejected_until_ = now + std::min<Clock::duration>(grown, limits::ejection_time_max);
  ++ejections_;
  failures_ = 0;
  return true;
}

void AddressHealth::forgive(Clock::time_point now) noexcept {
  failures_ = 0;
  if (now - ejected_until_ > limits::ejection_window) ejections_ = 0;
}

std::size_t choose(std::span<const Candidate* const> candidates, std::size_t turn,
                   Clock::time_point now) noexcept {
  const std::size_t size = candidates.size();
  std::size_t best = size;
  std::size_t longest_out = size;
  for (std::size_t step = 0; step < size; ++step) {
    const std::size_t i = (turn + step) % size;
    const Candidate* one = candidates[i];
    if (!one) continue;
    if (one->health.usable(now)) {
      if (best == size || one->in_flight < candidates[best]->in_flight) best = i;
    } else if (longest_out == size ||
               one->health.ejected_at() < candidates[longest_out]->health.ejected_at()) {
      longest_out = i;
    }
  }
  return best != size ? best : longest_out;
}

}  // namespace postern
