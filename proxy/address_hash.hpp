// Client addresses as numbers, for tables of a fixed size. Keyed, so that nobody outside can choose addresses
// that meet in one place of a table.

#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace postern {

class AddressHash {
 public:
  AddressHash();  ///< a key from the operating system
  explicit constexpr AddressHash(std::array<std::uint64_t, 2> key) noexcept : key_(key) {}

  /// SipHash-2-4 of the address; of IPv6 the first 64 bits, since a host has all the others to choose from.
  [[nodiscard]] std::uint64_t operator()(std::span<const std::uint8_t, 16> address) const noexcept;

 private:
  std::array<std::uint64_t, 2> key_;
};

/// No address: a Unix socket, where every client looks alike and none can be counted apart.
[[nodiscard]] bool is_nowhere(std::span<const std::uint8_t, 16> address) noexcept;

}  // namespace postern
