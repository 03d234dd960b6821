// The coroutine of the data plane: lazy, single-threaded, awaited by exactly one parent, with symmetric
// transfer. Against asio::awaitable it saves about 1,800 instructions a request (ARCHITECTURE.md, "What was
// measured").
//
// gcc 12.2 miscompiles some await expressions (a capturing lambda, `?:` or a braced aggregate that owns
// memory in it is destroyed twice). So in this house an await expression holds only names and calls.

#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <new>
#include <optional>
#include <utility>

#include "conf/result.hpp"

namespace postern {

/// Memory of coroutine frames: freed ones are kept by size for the next request, a bounded number of each,
/// per thread. Inline, since the size of a frame is known where it is made.
class FrameMemory {
 public:
  [[nodiscard]] static void* allocate(std::size_t size) {
    const std::size_t index = class_of(size);
    if (index >= class_count) return ::operator new(size);
    FreeFrames& frames = cache_[index];
    FreeFrame* const frame = frames.first;
    if (!frame) return ::operator new((index + 1) * class_bytes);
    frames.first = frame->next;
    --frames.count;
    return frame;
  }
  static void release(void* frame, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    if (index >= class_count || cache_[index].count >= kept_per_class) return ::operator delete(frame);
    FreeFrames& frames = cache_[index];
    frames.first = new (frame) FreeFrame{frames.first};
    ++frames.count;
  }
  /// Gives back what this thread keeps: before it ends.
  static void empty_cache() noexcept;

 private:
  static constexpr std::size_t class_bytes = 256;     // frames are rounded up to this
  static constexpr std::size_t class_count = 16;      // up to 4 KiB; larger ones are rare and go to malloc
  static constexpr std::size_t kept_per_class = 256;  // what a burst leaves beyond goes back

  struct FreeFrame {
    FreeFrame* next;
  };
  struct FreeFrames {
    FreeFrame* first;
    std::size_t count;
  };

  static constexpr std::size_t class_of(std::size_t size) noexcept { return (size - 1) / class_bytes; }

  // Without constructor and destructor, so that no access asks whether they have run: empty_cache() is called
  // instead.
  static constinit thread_local std::array<FreeFrames, class_count> cache_;
};

template <class T = void>
class Task;

namespace task_promise {

struct Base {
  std::coroutine_handle<> continuation;

  static void* operator new(std::size_t size) { return FrameMemory::allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { FrameMemory::release(frame, size); }

  std::suspend_always initial_suspend() noexcept { return {}; }

  struct Final {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) noexcept {
      const auto parent = finished.promise().continuation;
      return parent ? parent : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }

  /// Nothing on the data plane throws; what does is a broken invariant.
  [[noreturn]] void unhandled_exception() noexcept {
    check_failed("no exception on the data plane", __FILE__, __LINE__);
  }
};

template <class T>
struct Promise : Base {
  std::optional<T> value;
  Task<T> get_return_object() noexcept;
  void return_value(T result) noexcept { value.emplace(std::move(result)); }
  T take() noexcept { return std::move(*value); }
};

template <>
struct Promise<void> : Base {
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() noexcept {}
};

}  // namespace task_promise

/// Owns its frame. Either awaited at once (`co_await child()`), or started beside its parent with start() and
/// joined with `co_await child.join()` before it is destroyed: a child never outlives its parent.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = task_promise::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept
      : handle_(std::exchange(other.handle_, {})), started_(std::exchange(other.started_, false)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      destroy();
      handle_ = std::exchange(other.handle_, {});
      started_ = std::exchange(other.started_, false);
    }
    return *this;
  }
  ~Task() { destroy(); }

  /// Runs the child until it first waits. Join it later.
  void start() noexcept {
    started_ = true;
    handle_.resume();
  }
  [[nodiscard]] bool started() const noexcept { return started_; }
  [[nodiscard]] bool done() const noexcept { return handle_.done(); }

  struct Awaiter {
    Handle handle;
    bool started;
    bool await_ready() const noexcept { return started && handle.done(); }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) noexcept {
      handle.promise().continuation = parent;
      return started ? std::coroutine_handle<>(std::noop_coroutine()) : std::coroutine_handle<>(handle);
    }
    T await_resume() noexcept { return handle.promise().take(); }
  };
  Awaiter operator co_await() const noexcept { return {handle_, false}; }
  [[nodiscard]] Awaiter join() const noexcept { return {handle_, true}; }

 private:
  void destroy() noexcept {
    if (!handle_) return;
    POSTERN_CHECK(!started_ || handle_.done());
    handle_.destroy();
  }

  Handle handle_;
  bool started_ = false;
};

template <class T>
Task<T> task_promise::Promise<T>::get_return_object() noexcept {
  return Task<T>(Task<T>::Handle::from_promise(*this));
}
inline Task<void> task_promise::Promise<void>::get_return_object() noexcept {
  return Task<void>(Task<void>::Handle::from_promise(*this));
}

/// Lets a task run on its own: it frees itself at its end. Its owner must know by other means when it has
/// ended.
struct Detached {
  struct promise_type {
    static void* operator new(std::size_t size) { return FrameMemory::allocate(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { FrameMemory::release(frame, size); }
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    [[noreturn]] void unhandled_exception() noexcept {
      check_failed("no exception on the data plane", __FILE__, __LINE__);
    }
  };
};
inline Detached detach(Task<void> task) {
  co_await task;
}

}  // namespace postern
