// A number that one thread writes and any may read.

#pragma once

#include <atomic>
#include <cstdint>

namespace postern {

/// Written by one thread, read by any: no atomic read-modify-write.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept { set(get() + amount); }
  void subtract(std::uint64_t amount = 1) noexcept { set(get() - amount); }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace postern
