// Sixteen bytes at a time, by the vectors that gcc and clang have for every machine.

#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace postern {

using ByteBlock = std::uint8_t __attribute__((vector_size(16)));
inline constexpr std::size_t block_bytes = sizeof(ByteBlock);

/// What a comparison of blocks gives: all bits of a byte, or none.
using BlockMask = std::int8_t __attribute__((vector_size(16)));

[[nodiscard]] inline ByteBlock load_block(const char* bytes) noexcept {
  ByteBlock block;
  std::memcpy(&block, bytes, sizeof block);
  return block;
}

[[nodiscard]] inline bool any(BlockMask mask) noexcept {
  std::uint64_t halves[2];
  std::memcpy(halves, &mask, sizeof halves);
  return (halves[0] | halves[1]) != 0;
}

/// Index of the first byte that is set; block_bytes when none is.
[[nodiscard]] inline std::size_t first_of(BlockMask mask) noexcept {
  static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
  std::uint64_t halves[2];
  std::memcpy(halves, &mask, sizeof halves);
  if (halves[0] != 0) return static_cast<std::size_t>(std::countr_zero(halves[0])) / 8;
  return 8 + static_cast<std::size_t>(std::countr_zero(halves[1])) / 8;
}

/// Whether `wanted`, which marks bytes of a block, marks none of `text`. `pad` is a byte that it never marks.
template <class Wanted>
[[nodiscard]] bool none_in(std::string_view text, char pad, Wanted wanted) noexcept {
  if (text.size() < block_bytes) {
    char padded[block_bytes];
    std::memset(padded, pad, sizeof padded);
    if (!text.empty()) std::memcpy(padded, text.data(), text.size());
    return !any(wanted(load_block(padded)));
  }
  const char* const last = text.data() + text.size() - block_bytes;
  for (const char* at = text.data(); at < last; at += block_bytes)
    if (any(wanted(load_block(at)))) return false;
  return !any(wanted(load_block(last)));  // overlaps the one before instead of going on byte by byte
}

}  // namespace postern
