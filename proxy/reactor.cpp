#include "proxy/reactor.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <sys/eventfd.h>
#include <unistd.h>

namespace postern {
namespace {

#ifndef POSTERN_IO_URING_FROM
#define POSTERN_IO_URING_FROM 1
#endif
/// With fewer events at once a batch costs more than the calls it saves.
constexpr int batch_events_min = POSTERN_IO_URING_FROM;

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ < 0) return;
  reactor_.forget(*this);
  ::close(fd_);  // usually the last reference, and then epoll lets go of it by itself
}

bool Descriptor::watch(std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = this;
  return ::epoll_ctl(reactor_.epoll_, EPOLL_CTL_ADD, fd_, &event) == 0;
}

void Descriptor::unwatch() noexcept {
  ::epoll_ctl(reactor_.epoll_, EPOLL_CTL_DEL, fd_, nullptr);
}

Result<std::unique_ptr<Reactor>> Reactor::make() {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const int wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;  // the mailbox
  if (epoll < 0 || wake < 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event) != 0) {
    const int error = errno;
    if (epoll >= 0) ::close(epoll);
    if (wake >= 0) ::close(wake);
    return Error{ErrorKind::unavailable, std::string("event loop: ") + std::strerror(error)};
  }
  return std::unique_ptr<Reactor>(new Reactor(epoll, wake));
}

Reactor::~Reactor() {
  ::close(epoll_);
  ::close(wake_);
}

void Reactor::run(const std::function<void()>& after_batch) {
  read_mailbox();  // what was posted before we ran comes before any event
  while (!stopped_) {
    int timeout = -1;
    if (first_ready_ || first_next_) {
      timeout = 0;  // after_batch has made something ready, an end to all waits; or somebody waits for a turn
    } else if (const auto earliest = deadlines_.earliest(); earliest != Clock::time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(earliest - Clock::now()).count();
      timeout = static_cast<int>(std::clamp<long long>(left, 0, 60'000));
    }
    const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), timeout);
    turn(std::max(count, 0), Clock::now());
    after_batch();
  }
}

void Reactor::step(Clock::time_point now, const std::function<void(std::span<epoll_event>)>& arrange) {
  const int count = std::max(::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 0), 0);
  arrange({events_.data(), static_cast<std::size_t>(count)});
  turn(count, now);
}

void Reactor::turn(int count, Clock::time_point now) {
  now_ = now;
  gathering_ = batch_ && count >= batch_events_min;
  handle(count);
  begin_round();
  run_batches();
  deadlines_.expire(now_);
  run_batches();
  gathering_ = false;
}

void Reactor::run_batches() noexcept {
  do run_ready();
  while (gathering_ && batch_->submit());
}

void Reactor::handle(int count) noexcept {
  event_count_ = count;
  for (int i = 0; i < count; ++i) {
    // A handler may destroy a later event's descriptor; forget() has blanked it then.
    const epoll_event event = events_[static_cast<std::size_t>(i)];
    if (event.events == 0) continue;
    if (event.data.ptr == nullptr)
      read_mailbox();
    else
      static_cast<Descriptor*>(event.data.ptr)->on_event(event.events);
  }
  event_count_ = 0;
}

void Reactor::begin_round() noexcept {
  ++round_;
  if (!first_next_) return;
  *(last_ready_ ? &last_ready_->next : &first_ready_) = first_next_;
  last_ready_ = last_next_;
  first_next_ = last_next_ = nullptr;
}

void Reactor::run_ready() noexcept {
  while (Ready* ready = first_ready_) {
    first_ready_ = ready->next;
    if (!first_ready_) last_ready_ = nullptr;
    ready->coroutine.resume();  // may end the coroutine, and `ready` with it
  }
}

void Reactor::forget(const Descriptor& descriptor) noexcept {
  for (int i = 0; i < event_count_; ++i) {
    epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &descriptor) event.events = 0;
  }
}

void Reactor::post(std::function<void()> message) {
  {
    const std::lock_guard lock(mailbox_mutex_);
    mailbox_.push_back(std::move(message));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

void Reactor::read_mailbox() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(wake_, &count, sizeof count);
  std::vector<std::function<void()>> messages;
  {
    const std::lock_guard lock(mailbox_mutex_);
    messages.swap(mailbox_);
  }
  for (const auto& message : messages) message();
}

}  // namespace postern
