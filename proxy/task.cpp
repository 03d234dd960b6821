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

struct FreeFrames {
  FreeFrame* first;
  std::size_t count;
};

// Without constructor and destructor, so that no access asks whether they have run: empty_cache() is called
// instead.
constinit thread_local std::array<FreeFrames, class_count> cache{};

std::size_t class_of(std::size_t size) noexcept {
  return (size - 1) / class_bytes;
}

}  // namespace

void* FrameMemory::allocate(std::size_t size) {
  const std::size_t index = class_of(size);
  if (index >= class_count) return ::operator new(size);
  FreeFrames& frames = cache[index];
  FreeFrame* const frame = frames.first;
  if (!frame) return ::operator new((index + 1) * class_bytes);
  frames.first = frame->next;
  --frames.count;
  return frame;
}

void FrameMemory::release(void* frame, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  if (index >= class_count || cache[index].count >= kept_per_class) {
    ::operator delete(frame);
    return;
  }
  FreeFrames& frames = cache[index];
  frames.first = new (frame) FreeFrame{frames.first};
  ++frames.count;
}

void FrameMemory::empty_cache() noexcept {
  for (FreeFrames& frames : cache) {
    while (frames.first) ::operator delete(std::exchange(frames.first, frames.first->next));
    frames.count = 0;
  }
}

}  // namespace postern
