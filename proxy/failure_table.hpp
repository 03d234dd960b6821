// How often an address has failed to authenticate in this minute. A table of a fixed size that nobody can
// fill: a flood of addresses pushes out those that failed least, never the one that keeps failing, and an
// address is never taken for another.

#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "conf/limits.hpp"
#include "conf/strong.hpp"
#include "proxy/address_hash.hpp"

namespace postern {

class FailureTable {
 public:
  explicit FailureTable(AddressHash hash = AddressHash())
      : hash_(hash), buckets_(std::make_unique<Buckets>()) {}

  /// Counts one failure. The seconds after which the address may fail again when there were more than `max`
  /// in this minute, else 0. `now` in Unix seconds; minutes begin where the clock's do.
  [[nodiscard]] int add(std::span<const std::uint8_t, 16> address, UnixSeconds now,
                        std::uint32_t max) noexcept;

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint32_t minute = 0;
    std::uint32_t count = 0;
  };
  using Bucket = std::array<Entry, 4>;
  using Buckets = std::array<Bucket, limits::failure_buckets>;

  AddressHash hash_;
  std::unique_ptr<Buckets> buckets_;
};

}  // namespace postern
