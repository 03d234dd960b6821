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
  durations_[index(Wait::lent)] = 50ms;
  durations_[index(Wait::grace)] = 1s;
  durations_[index(Wait::recheck)] = recheck;
  durations_[index(Wait::half_closed)] = 1s;
  durations_[index(Wait::pause)] = 100ms;
}

void DeadlineLists::arm(Deadline& deadline, Wait wait, Clock::time_point since) noexcept {
  deadline.disarm();
  deadline.at_ = since + durations_[index(wait)];
  // Almost always at the end at once; a wait that began earlier, or durations changed by a reload, walk a
  // little.
  Deadline* after = lists_[index(wait)].previous_;
  while (after != &lists_[index(wait)] && after->at_ > deadline.at_) after = after->previous_;
  deadline.previous_ = after;
  deadline.next_ = after->next_;
  after->next_->previous_ = &deadline;
  after->next_ = &deadline;
}

void DeadlineLists::expire(Clock::time_point now) noexcept {
  for (Anchor& list : lists_) {
    while (list.next_ != &list && list.next_->at_ <= now) {
      Deadline& due = *list.next_;
      due.disarm();
      due.expire();
    }
  }
}

Clock::time_point DeadlineLists::earliest() const noexcept {
  auto earliest = Clock::time_point::max();
  for (const Anchor& list : lists_)
    if (list.next_ != &list) earliest = std::min(earliest, list.next_->at_);
  return earliest;
}

}  // namespace postern
