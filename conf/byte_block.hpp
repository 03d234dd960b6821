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

/// A text of less than a block as a block that holds all its bytes and no others: some twice, zeros when
/// there are none.
[[nodiscard]] inline ByteBlock load_short(std::string_view text) noexcept {
  std::uint64_t halves[2] = {0, 0};
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (text.size() >= 8) {
    std::memcpy(&halves[0], begin, 8);
    std::memcpy(&halves[1], end - 8, 8);
  } else if (text.size() >= 4) {
    std::uint32_t first = 0, last = 0;
    std::memcpy(&first, begin, 4);
    std::memcpy(&last, end - 4, 4);
    halves[0] = halves[1] = std::uint64_t{first} | std::uint64_t{last} << 32;
  } else if (!text.empty()) {
    const auto byte = [](char c) { return std::uint64_t{static_cast<std::uint8_t>(c)}; };
    const std::uint64_t all = byte(begin[0]) | byte(begin[text.size() / 2]) << 8 | byte(end[-1]) << 16;
    halves[0] = halves[1] = (all | all << 24) | byte(begin[0]) << 48 | byte(begin[0]) << 56;
  }
  ByteBlock block;
  std::memcpy(&block, halves, sizeof block);
  return block;
}

/// Whether `wanted`, which marks bytes of a block, marks none of `text`.
template <class Wanted>
[[nodiscard]] bool none_in(std::string_view text, Wanted wanted) noexcept {
  if (text.size() < block_bytes) return text.empty() || !any(wanted(load_short(text)));
  // Without a look in between: what is looked at is short. The last block overlaps the one before it.
  const char* const last = text.data() + text.size() - block_bytes;
  BlockMask found = wanted(load_block(last));
  for (const char* at = text.data(); at < last; at += block_bytes) found |= wanted(load_block(at));
  return !any(found);
}

}  // namespace postern
