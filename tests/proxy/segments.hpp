// Gives bytes to a reader whole, byte by byte and cut at every position, and demands one verdict.

#pragma once

#include <cstddef>
#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::test {

using Cuts =
    std::vector<std::size_t>;  ///< ascending offsets, each the end of a segment; the last is the size
using Examples = std::vector<std::string>;  ///< what is alike, in one table

/// Bytes as a failed test should show them.
inline std::string printable(std::string_view bytes) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes.substr(0, 300)) {
    const auto value = static_cast<unsigned char>(byte);
    if (byte == '\r') {
      text += "\\r";
    } else if (byte == '\n') {
      text += "\\n";
    } else if (value < 0x20 || value >= 0x7f) {
      text += {'\\', 'x', hex[value >> 4], hex[value & 15]};
    } else {
      text += byte;
    }
  }
  return bytes.size() > 300 ? text + "..." : text;
}

/// Every byte a segment of its own.
inline Cuts byte_by_byte(std::size_t size) {
  Cuts cuts;
  for (std::size_t i = 1; i <= size; ++i) cuts.push_back(i);
  return cuts;
}

/// Segments that end one byte after each CRLF: the cut at which other readers forgot their limits.
inline Cuts after_each_line(std::string_view bytes) {
  Cuts cuts;
  for (std::size_t i = 2; i + 1 < bytes.size(); ++i)
    if (bytes[i - 2] == '\r' && bytes[i - 1] == '\n') cuts.push_back(i + 1);
  cuts.push_back(bytes.size());
  return cuts;
}

/// What `read` says of the whole; checks that it says the same of every segmentation: byte by byte, one byte
/// after each CRLF, cut once at every position, and cut twice at every pair of positions when the bytes are
/// few.
inline std::string same_however_cut(std::string_view bytes,
                                    const std::function<std::string(std::string_view, const Cuts&)>& read) {
  constexpr std::size_t few = 64;
  const std::string whole = read(bytes, {bytes.size()});
  INFO("bytes: " << printable(bytes));
  const auto same = [&](const Cuts& cuts) {
    const std::string verdict = read(bytes, cuts);
    if (verdict == whole) return true;
    std::string where;
    for (const std::size_t cut : cuts) where += " " + std::to_string(cut);
    FAIL_CHECK("cut at" << where << ": " << verdict << " instead of " << whole);
    return false;
  };
  if (!same(byte_by_byte(bytes.size())) || !same(after_each_line(bytes))) return whole;
  for (std::size_t first = 0; first < bytes.size(); ++first) {
    if (!same({first, bytes.size()})) return whole;
    if (bytes.size() > few) continue;
    for (std::size_t second = first; second < bytes.size(); ++second)
      if (!same({first, second, bytes.size()})) return whole;
  }
  return whole;
}

}  // namespace postern::test
