// Fairness: who never has to wait, because both sides are fast, hands the shard on after a while all the
// same.

#pragma once

#include <algorithm>
#include <coroutine>

#include "conf/limits.hpp"
#include "proxy/reactor.hpp"

namespace postern {

/// What one coroutine may do before others come first. A wait in between begins a new turn by itself, so a
/// small exchange never reaches the end of one.
class Turn {
 public:
  explicit Turn(const Reactor& reactor) noexcept : reactor_(reactor), round_(reactor.round()) {}

  /// Counts a step that moved so many bytes; true when the turn is over.
  [[nodiscard]] bool over(std::size_t bytes) noexcept {
    if (round_ != reactor_.round()) {
      round_ = reactor_.round();
      left_ = limits::turn_bytes;
    }
    left_ -= std::min(left_, bytes + limits::turn_step_bytes);
    return left_ == 0;
  }

 private:
  const Reactor& reactor_;
  std::uint64_t round_;
  std::size_t left_ = limits::turn_bytes;
};

/// `co_await next_round(reactor)`: goes on once everybody else had a turn.
class NextRound : private Ready {
 public:
  explicit NextRound(Reactor& reactor) noexcept : reactor_(reactor) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> suspended) noexcept {
    coroutine = suspended;
    reactor_.make_ready_next_round(*this);
  }
  void await_resume() const noexcept {}

 private:
  Reactor& reactor_;
};
[[nodiscard]] inline NextRound next_round(Reactor& reactor) noexcept {
  return NextRound(reactor);
}

}  // namespace postern
