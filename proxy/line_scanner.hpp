// Cuts a growing buffer into lines. Each byte is searched once, however the bytes arrive: what was searched
// without finding a line end is remembered.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "proxy/field_line.hpp"

namespace postern {

class LineScanner {
 public:
  enum class Found : std::uint8_t {
    nothing = 0,  ///< no line end yet
    line,
    bad_end,   ///< a LF without CR before it
    too_long,  ///< no line end before `end_max`: known as soon as that many bytes are there
  };

  /// The next line of `buffer`, which starts with the first byte of the message and has only grown since the
  /// last call. A line whose LF lies at or beyond offset `end_max` is too long, whether its LF has arrived or
  /// not: so the verdict does not depend on how the bytes were cut. `end_max` must not shrink between calls.
  Found next(std::string_view buffer, std::size_t end_max, Line& line) noexcept {
    const std::size_t end = std::min(buffer.size(), end_max);
    const void* found =
        searched_ < end ? std::memchr(buffer.data() + searched_, '\n', end - searched_) : nullptr;
    if (found == nullptr) {
      searched_ = static_cast<std::uint32_t>(end);
      return end == end_max ? Found::too_long : Found::nothing;
    }
    const auto line_feed = static_cast<std::uint32_t>(static_cast<const char*>(found) - buffer.data());
    if (line_feed == begin_ || buffer[line_feed - 1] != '\r') return Found::bad_end;
    line = {begin_, line_feed - 1};
    begin_ = searched_ = line_feed + 1;
    return Found::line;
  }

  /// Offset of the line that is being waited for: after the last line of a head, the size of the head.
  [[nodiscard]] std::uint32_t begin() const noexcept { return begin_; }
  /// Bytes that are not looked at again by next().
  [[nodiscard]] std::uint32_t searched() const noexcept { return searched_; }

 private:
  std::uint32_t begin_ = 0;
  std::uint32_t searched_ = 0;
};

}  // namespace postern
