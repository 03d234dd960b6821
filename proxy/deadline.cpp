#include "proxy/deadline.hpp"

#include <algorithm>

namespace postern {

DeadlineLists::DeadlineLists() {
  for (Anchor& list : lists_) list.next_ = list.previous_ = &list;
}

void DeadlineLists::set_durations(const Timeouts& timeouts, std::chrono::milliseconds recheck) noexcept {
  using namespace std::chrono_literals;
  durations_[index(Wait::head)] = timeouts.head;
  durations_[index(Wait::body)] = timeouts.body;
  durations_[index(Wait::idle)] = timeouts.idle;
  durations_[index(Wait::connect)] = timeouts.connect;
  durations_[index(Wait::response)] = timeouts.response;
  durations_[index(Wait::expect)] = 1s;
  durations_[index(Wait::linger)] = 2s;
  durations_[index(Wait::unused)] = 100ms;
  durations_[index(Wait::grace)] = 1s;
  durations_[index(Wait::recheck)] = recheck;
  durations_[index(Wait::half_closed)] = 1s;
  durations_[index(Wait::pause)] = 100ms;
}

/// The list of this duration: the one it has, one that nobody waits in, or a new one. When a reload brings
/// other durations than there is room for, while the old ones are still waited for, the last one serves:
/// sorted as well, but by walking.
std::size_t DeadlineLists::own_list(Clock::duration duration) noexcept {
  std::size_t empty = lists_used_;
  for (std::size_t i = wait_count; i < lists_used_; ++i) {
    if (durations_[i] == duration) return i;
    if (lists_[i].next_ == &lists_[i]) empty = i;
  }
  if (empty == lists_.size()) return empty - 1;
  if (empty == lists_used_) ++lists_used_;
  durations_[empty] = duration;
  return empty;
}

void DeadlineLists::arm(Deadline& deadline, Patience patience, Clock::time_point since) noexcept {
  deadline.disarm();
  const Clock::duration duration = this->duration(patience);
  deadline.at_ = since + duration;
  Anchor& list = lists_[patience.own > 0 ? own_list(duration) : index(patience.wait)];
  // Almost always at the end at once; a wait that began earlier, or durations changed by a reload, walk a
  // little.
  Deadline* after = list.previous_;
  while (after != &list && after->at_ > deadline.at_) after = after->previous_;
  deadline.previous_ = after;
  deadline.next_ = after->next_;
  after->next_->previous_ = &deadline;
  after->next_ = &deadline;
}

void DeadlineLists::expire(Clock::time_point now) noexcept {
  for (std::size_t i = 0; i < lists_used_; ++i) {
    Anchor& list = lists_[i];
    while (list.next_ != &list && list.next_->at_ <= now) {
      Deadline& due = *list.next_;
      due.disarm();
      due.expire();
    }
  }
}

Clock::time_point DeadlineLists::earliest() const noexcept {
  auto earliest = Clock::time_point::max();
  for (std::size_t i = 0; i < lists_used_; ++i) {
    const Anchor& list = lists_[i];
    if (list.next_ != &list) earliest = std::min(earliest, list.next_->at_);
  }
  return earliest;
}

}  // namespace postern
