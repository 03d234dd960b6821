#include "proxy/task.hpp"

namespace postern {

constinit thread_local std::array<FrameMemory::FreeFrames, FrameMemory::class_count> FrameMemory::cache_{};

void FrameMemory::empty_cache() noexcept {
  for (FreeFrames& frames : cache_) {
    while (frames.first) ::operator delete(std::exchange(frames.first, frames.first->next));
    frames.count = 0;
  }
}

}  // namespace postern
