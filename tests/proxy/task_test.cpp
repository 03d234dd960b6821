// Coroutines: lazy, owned, awaited or joined by one parent.

#include "proxy/task.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace postern;

namespace {

/// Suspends until open(): a wait without a reactor.
class Door {
 public:
  Door() = default;
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  struct Wait {
    Door& door;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { door.waiting_ = waiting; }
    void await_resume() const noexcept {}
  };
  Wait operator co_await() noexcept { return {*this}; }
  void open() {
    REQUIRE(waiting_);
    std::exchange(waiting_, {}).resume();
  }

 private:
  std::coroutine_handle<> waiting_;
};

Task<int> answer(int number) {
  co_return number;
}

Task<int> behind(Door& door, int number) {
  co_await door;
  co_return number;
}

Task<void> note(std::string& log, Door& door, std::string name) {
  log += name + "+";
  co_await door;
  log += name + "-";
}

Task<int> depth(int left) {
  if (left == 0) co_return 0;
  const int below = co_await depth(left - 1);
  co_return below + 1;
}

Task<long> loop(int times) {
  long sum = 0;
  for (int i = 0; i < times; ++i) {
    const int one = co_await answer(1);
    sum += one;
  }
  co_return sum;
}

/// Runs a task that never waits.
template <class T>
T run(Task<T> task) {
  task.start();
  REQUIRE(task.done());
  T result{};
  const auto keep = [&]() -> Task<void> { result = co_await task.join(); };
  Task<void> keeper = keep();
  keeper.start();
  REQUIRE(keeper.done());
  return result;
}

// Without optimisation gcc 12 makes a call of a symmetric transfer, and the stack grows with it.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr int many = 100'000;
#else
constexpr int many = 2'000;
#endif

}  // namespace

TEST_CASE("a task does nothing until it is awaited or started") {
  std::string log;
  Door door;
  {
    const Task<void> unused = note(log, door, "a");
    CHECK_FALSE(unused.started());
  }
  CHECK(log.empty());
}

TEST_CASE("a parent gets its child's value, at once or after a wait") {
  Door door;
  std::vector<int> got;
  const auto parent = [&]() -> Task<void> {
    const int first = co_await answer(1);
    got.push_back(first);
    const int second = co_await behind(door, 2);
    got.push_back(second);
  };
  Task<void> task = parent();
  task.start();
  CHECK(got == std::vector<int>{1});
  CHECK_FALSE(task.done());
  door.open();
  CHECK(got == std::vector<int>{1, 2});
  CHECK(task.done());
}

TEST_CASE("a child runs beside its parent and is joined, whichever ends first") {
  for (const bool child_first : {true, false}) {
    CAPTURE(child_first);
    std::string log;
    Door of_child;
    Door of_parent;
    const auto parent = [&]() -> Task<void> {
      Task<void> child = note(log, of_child, "c");
      child.start();
      log += "p+";
      co_await of_parent;
      co_await child.join();
      log += "p-";
    };
    Task<void> task = parent();
    task.start();
    CHECK(log == "c+p+");
    (child_first ? of_child : of_parent).open();
    CHECK_FALSE(task.done());
    (child_first ? of_parent : of_child).open();
    CHECK(task.done());
    CHECK(log == "c+p+c-p-");
  }
}

TEST_CASE("a started task that moves still knows that it runs") {
  std::string log;
  Door door;
  Task<void> first = note(log, door, "a");
  first.start();
  Task<void> second = std::move(first);
  CHECK(second.started());
  CHECK_FALSE(first.started());  // NOLINT: what it was moved from is looked at on purpose
  Task<void> third;
  third = std::move(second);
  CHECK(third.started());
  CHECK_FALSE(third.done());
  door.open();
  CHECK(third.done());
  third = note(log, door, "b");
  CHECK_FALSE(third.started());
}

TEST_CASE("a value that owns memory is moved out, once") {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  const std::unique_ptr<int> value = run(make());
  REQUIRE(value);
  CHECK(*value == 7);
}

TEST_CASE("arguments live as long as the task and are destroyed once") {
  const auto counted = std::make_shared<int>(0);
  Door door;
  const auto hold = [](std::shared_ptr<int>, Door& until) -> Task<void> { co_await until; };
  {
    Task<void> task = hold(counted, door);
    CHECK(counted.use_count() == 2);
    task.start();
    CHECK(counted.use_count() == 2);
    door.open();
  }
  CHECK(counted.use_count() == 1);
  { const Task<void> unused = hold(counted, door); }
  CHECK(counted.use_count() == 1);
}

TEST_CASE("a detached task frees itself at its end") {
  const auto counted = std::make_shared<int>(0);
  Door door;
  const auto hold = [](std::shared_ptr<int>, Door& until) -> Task<void> { co_await until; };
  detach(hold(counted, door));
  CHECK(counted.use_count() == 2);
  door.open();
  CHECK(counted.use_count() == 1);
}

TEST_CASE("transfer from child to parent needs no stack") {
  CHECK(run(depth(many)) == many);
  CHECK(run(loop(many)) == many);
}

TEST_CASE("the memory of a frame is used again for the next of its size") {
  void* first = FrameMemory::allocate(300);
  FrameMemory::release(first, 300);
  void* second = FrameMemory::allocate(512);  // the same class
  CHECK(second == first);
  void* third = FrameMemory::allocate(513);  // the next
  CHECK(third != first);
  FrameMemory::release(second, 512);
  FrameMemory::release(third, 513);
}

TEST_CASE("frames of every size hold what is written into them") {
  struct Piece {
    unsigned char* memory;
    std::size_t size;
  };
  std::vector<Piece> held;
  for (std::size_t size = 1; size < 6000; size += 13) {
    auto* memory = static_cast<unsigned char*>(FrameMemory::allocate(size));
    std::fill(memory, memory + size, static_cast<unsigned char>(size));
    held.push_back({memory, size});
  }
  for (const Piece& piece : held) {
    CHECK(piece.memory[0] == static_cast<unsigned char>(piece.size));
    CHECK(piece.memory[piece.size - 1] == static_cast<unsigned char>(piece.size));
    FrameMemory::release(piece.memory, piece.size);
  }
}

TEST_CASE("a burst of frames gives its memory back, and a thread what it has kept before it ends") {
  std::thread([] {
    std::vector<void*> burst;
    for (int i = 0; i < 1000; ++i) burst.push_back(FrameMemory::allocate(200));
    for (void* frame : burst) FrameMemory::release(frame, 200);
    CHECK(run(loop(1000)) == 1000);
    FrameMemory::empty_cache();
  }).join();  // LeakSanitizer sees what is left
}
