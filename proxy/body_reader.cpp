#include "proxy/body_reader.hpp"

#include <algorithm>
#include <cstring>

namespace postern {

BodyReader::Taken BodyReader::take(char* buffer, Window& window) noexcept {
  if (finished_) return {};
  char* const begin = buffer + window.begin;
  if (framing_ != Framing::chunked) {
    std::size_t size = window.size();
    if (framing_ == Framing::length) {
      size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
      left_ -= size;
      finished_ = left_ == 0;
    }
    window.begin += static_cast<std::uint32_t>(size);
    return {{begin, size}, false};
  }
  std::size_t size = 0;
  while (!window.empty() && !finished_) {
    const ChunkMachine::Step step = chunks_.step({buffer + window.begin, window.size()});
    if (step.status == ChunkStatus::refused) return {{begin, size}, true};
    if (step.status == ChunkStatus::data) {
      std::memmove(begin + size, step.data.data(), step.data.size());
      size += step.data.size();
    }
    finished_ = step.status == ChunkStatus::complete;
    window.begin += static_cast<std::uint32_t>(step.consumed);
  }
  return {{begin, size}, false};
}

}  // namespace postern
