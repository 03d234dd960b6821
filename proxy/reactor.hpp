// The event loop of one shard: edge-triggered epoll, a queue of operations that are ready, deadlines, and a
// mailbox for other threads. Asio's reactor costs about 3 µs more a request on the same work, most of it in
// re-arming (ARCHITECTURE.md), so the data plane has its own; the control plane, which may be slow, uses
// Asio.

#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <sys/epoll.h>
#include <vector>

#include "conf/result.hpp"
#include "proxy/batch.hpp"
#include "proxy/deadline.hpp"

namespace postern {

class Reactor;

/// Something with a file descriptor in the reactor. Owns the descriptor; closing takes it out of epoll.
class Descriptor {
 public:
  Descriptor(Reactor& reactor, int fd) noexcept : reactor_(reactor), fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  virtual ~Descriptor();

  /// `events` are epoll's. Must not resume a coroutine: it makes operations ready (Reactor::make_ready).
  virtual void on_event(std::uint32_t events) noexcept = 0;

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] Reactor& reactor() const noexcept { return reactor_; }

 protected:
  /// False when epoll has no room (ENOSPC, ENOMEM).
  [[nodiscard]] bool watch(std::uint32_t events) noexcept;
  void unwatch() noexcept;

 private:
  Reactor& reactor_;
  int fd_;
};

/// A suspended coroutine that waits for one thing. Lives in its awaiter, so it needs no allocation.
struct Ready {
  std::coroutine_handle<> coroutine;
  Ready* next = nullptr;
};

class Reactor {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Reactor>> make();
  ~Reactor();

  /// Runs until stop(). `after_batch` is called once after each batch of events, before sleeping again.
  void run(const std::function<void()>& after_batch);
  /// One round of run() that does not wait, as of `now`, with the events in the order that `arrange` puts
  /// them in: for simulations, which own the clock and the order of things.
  void step(Clock::time_point now, const std::function<void(std::span<epoll_event>)>& arrange);
  /// From the loop's own thread.
  void stop() noexcept { stopped_ = true; }

  /// Runs `message` on the loop's thread, soon. From any thread; the only member that is.
  void post(std::function<void()> message);

  /// Resumes it after the current event handlers. The coroutine must stay suspended until then.
  void make_ready(Ready& ready) noexcept {
    ready.next = nullptr;
    *(last_ready_ ? &last_ready_->next : &first_ready_) = &ready;
    last_ready_ = &ready;
  }

  /// Resumes it in the next round, after the events that have come by then: who never has to wait lets others
  /// have their turn.
  void make_ready_next_round(Ready& ready) noexcept {
    ready.next = nullptr;
    *(last_next_ ? &last_next_->next : &first_next_) = &ready;
    last_next_ = &ready;
  }
  /// Counts batches of events.
  [[nodiscard]] std::uint64_t round() const noexcept { return round_; }

  /// Where system calls are gathered now; null: they are made by themselves.
  [[nodiscard]] Batch* batch() noexcept { return gathering_ ? batch_.get() : nullptr; }
  void forget_call(Operation& operation) noexcept { batch_->forget(operation); }
  [[nodiscard]] bool gathers() const noexcept { return batch_ != nullptr; }
  /// Why there is no batch though this build has it; empty otherwise.
  [[nodiscard]] const std::string& no_batch() const noexcept { return no_batch_; }

  /// As of the last wake-up; read once per batch of events.
  [[nodiscard]] Clock::time_point now() const noexcept { return now_; }
  [[nodiscard]] DeadlineLists& deadlines() noexcept { return deadlines_; }

 private:
  friend class Descriptor;
  Reactor(int epoll, int wake) noexcept : epoll_(epoll), wake_(wake) {}
  void turn(int count, Clock::time_point now);
  void handle(int count) noexcept;
  void run_ready() noexcept;
  void run_batches() noexcept;
  void begin_round() noexcept;
  void read_mailbox();
  void forget(const Descriptor& descriptor) noexcept;

  int epoll_;
  int wake_;
  bool stopped_ = false;
  Clock::time_point now_ = Clock::now();
  DeadlineLists deadlines_;
  Ready* first_ready_ = nullptr;
  Ready* last_ready_ = nullptr;
  Ready* first_next_ = nullptr;  // of the next round
  Ready* last_next_ = nullptr;
  std::uint64_t round_ = 0;
  std::array<epoll_event, 256> events_{};
  int event_count_ = 0;  // of the batch being handled

  std::string no_batch_;
  std::unique_ptr<Batch> batch_ = Batch::make(no_batch_);
  bool gathering_ = false;

  std::mutex mailbox_mutex_;
  std::vector<std::function<void()>> mailbox_;
};

}  // namespace postern
