#include "proxy/task.hpp"

#include <array>

namespace postern {
namespace {

constexpr std::size_t class_bytes = 256;     // frames are rounded up to this
constexpr std::size_t class_count = 16;      // up to 4 KiB; larger ones are rare and go to malloc
constexpr std::size_t kept_per_class = 256;  // what a burst leaves beyond goes back

struct FreeFrame {
  FreeFrame* next;
};

struct Cache {
  std::array<FreeFrame*, class_count> free{};
  std::array<std::size_t, class_count> count{};
  ~Cache() {
    for (FreeFrame* frame : free)
      while (frame) ::operator delete(std::exchange(frame, frame->next));
  }
};

thread_local Cache cache;

std::size_t class_of(std::size_t size) noexcept {
  return (size - 1) / class_bytes;
}

}  // namespace

void* FrameMemory::allocate(std::size_t size) {
  const std::size_t index = class_of(size);
  if (index >= class_count) return ::operator new(size);
  if (FreeFrame* frame = cache.free[index]) {
    cache.free[index] = frame->next;
    --cache.count[index];
    return frame;
  }
  return ::operator new((index + 1) * class_bytes);
}

void FrameMemory::release(void* frame, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  if (index >= class_count || cache.count[index] >= kept_per_class) {
    ::operator delete(frame);
    return;
  }
  cache.free[index] = new (frame) FreeFrame{cache.free[index]};
  ++cache.count[index];
}

}  // namespace postern
