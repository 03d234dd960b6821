#include "proxy/byte_ring.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <sys/mman.h>

#include "conf/result.hpp"

namespace postern {

ByteRing::ByteRing(std::uint64_t size)
    : size_(size),
      bytes_(static_cast<char*>(
          ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
  POSTERN_CHECK(std::has_single_bit(size) && bytes_ != MAP_FAILED);
}

ByteRing::~ByteRing() {
  ::munmap(bytes_, size_);
}

bool ByteRing::put(std::string_view bytes) noexcept {
  const std::uint64_t written = written_.load(std::memory_order_relaxed);
  if (bytes.size() > size_ - (written - read_.load(std::memory_order_acquire))) return false;
  const std::uint64_t at = written & (size_ - 1);
  const std::size_t until_edge = std::min<std::size_t>(bytes.size(), size_ - at);
  std::memcpy(bytes_ + at, bytes.data(), until_edge);
  std::memcpy(bytes_, bytes.data() + until_edge, bytes.size() - until_edge);
  written_.store(written + bytes.size(), std::memory_order_release);
  return true;
}

}  // namespace postern
