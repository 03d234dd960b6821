// UTF-8 as RFC 3629 defines it: shortest forms only, no surrogates, nothing beyond U+10FFFF.

#pragma once

#include <cstddef>
#include <string_view>

namespace postern {

/// Bytes of the character at the front of `text`, or 0 when it is empty or not UTF-8 there.
[[nodiscard]] std::size_t utf8_size(std::string_view text) noexcept;

}  // namespace postern
