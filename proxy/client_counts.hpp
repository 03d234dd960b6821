// How many connections each client address has, over all shards. A fixed number of counters, two for each
// address, of which the smaller counts: never too small, and too large only when both are shared with others.
// Nobody outside knows which addresses share one.

#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "conf/limits.hpp"
#include "proxy/address_hash.hpp"

namespace postern {

class ClientCounts {
 public:
  /// A connection's place in it, for its end.
  using Place = std::uint64_t;

  [[nodiscard]] Place place(std::span<const std::uint8_t, 16> address) const noexcept {
    return hash_(address);
  }

  /// Counts one more connection; how many there are now.
  std::uint32_t add(Place place) noexcept {
    const std::uint32_t first = rows_[0][place % size].fetch_add(1, std::memory_order_relaxed);
    const std::uint32_t second = rows_[1][(place >> 32) % size].fetch_add(1, std::memory_order_relaxed);
    return std::min(first, second) + 1;
  }
  void subtract(Place place) noexcept {
    rows_[0][place % size].fetch_sub(1, std::memory_order_relaxed);
    rows_[1][(place >> 32) % size].fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t size = limits::client_counters;
  AddressHash hash_;
  std::array<std::array<std::atomic<std::uint32_t>, size>, 2> rows_{};
};

/// A connection's place among those of its address.
class ClientPlace {
 public:
  ClientPlace(ClientCounts& counts, std::span<const std::uint8_t, 16> address) noexcept
      : counts_(counts), place_(counts.place(address)), counted_(!is_nowhere(address)) {
    if (counted_) connections_ = counts_.add(place_);
  }
  ~ClientPlace() {
    if (counted_) counts_.subtract(place_);
  }
  ClientPlace(const ClientPlace&) = delete;
  ClientPlace& operator=(const ClientPlace&) = delete;
  /// This one included; 0 for a client without an address.
  [[nodiscard]] std::uint32_t connections() const noexcept { return connections_; }

 private:
  ClientCounts& counts_;
  ClientCounts::Place place_;
  bool counted_;
  std::uint32_t connections_ = 0;
};

}  // namespace postern
