// JSON written into memory that is already there: the access log and problem bodies.

#pragma once

#include <string_view>

#include "proxy/bounded_text.hpp"

namespace postern {

/// A quoted JSON string. Control characters, quotes and backslashes are escaped; bytes that are not valid
/// UTF-8 become U+FFFD, so that a log line can always be read back.
void put_json_string(TextWriter& out, std::string_view text) noexcept;

}  // namespace postern
