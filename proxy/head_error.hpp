// Why a head was refused.

#pragma once

#include <cstdint>
#include <string_view>

namespace postern {

/// Why a head was refused. Stable words for log and problem body; `status_of` gives the answer to a client.
enum class HeadError : std::uint8_t {
  none = 0,
  bad_request_line,
  bad_method,
  bad_target,
  bad_version,
  unsupported_version,
  bad_line_end,  ///< a CR or LF that is not part of a CRLF
  bad_field_name,
  bad_field_value,
  folded_field,  ///< a line that starts with whitespace
  bad_host,
  missing_host,
  bad_content_length,
  bad_transfer_encoding,
  unsupported_transfer_encoding,
  length_and_coding,
  coding_in_http10,
  bad_connection,
  bad_expect,
  bad_status_line,
  target_too_long,
  head_too_long,
  too_many_fields,
};
[[nodiscard]] std::string_view to_string(HeadError error) noexcept;
/// 400, 414, 417, 431, 501 or 505: what a client is told of its request. An upstream's bad head is always a
/// 502.
[[nodiscard]] int status_of(HeadError error) noexcept;

}  // namespace postern
