// The first line of a request: method, target, version (RFC 9112 §3).

#pragma once

#include <string_view>

#include "proxy/head.hpp"
#include "proxy/head_error.hpp"

namespace postern {

/// The longest request line that can be right, CRLF included.
inline constexpr std::size_t request_line_bytes_max =
    limits::method_bytes_max + 1 + limits::target_bytes_max + 1 + std::string_view("HTTP/1.1\r\n").size();

/// Reads a complete line: method, target with its form, path and query, version. Percent escapes are not
/// judged: that is policy::canonical_path. Errors: bad_method, bad_request_line, bad_target, bad_version,
/// unsupported_version, target_too_long.
[[nodiscard]] HeadError read_request_line(const char* buffer, Line line, RequestHead& head) noexcept;

/// Reads a target that is the value of a field, for head.method. Errors: bad_target, target_too_long; then
/// `head` is not to be used.
[[nodiscard]] HeadError read_target(const char* buffer, Slice value, RequestHead& head) noexcept;

/// What is wrong with a line that has no end within request_line_bytes_max: bad_method or target_too_long.
[[nodiscard]] HeadError oversized_request_line(std::string_view line) noexcept;

/// Whether `text` is `uri-host [":" port]` (RFC 9110 §7.2), the port not beyond 65535.
[[nodiscard]] bool is_host(std::string_view text) noexcept;

/// The authority of an absolute-form target: what stands between "//" and the path.
[[nodiscard]] Slice authority_of(const RequestHead& head, const char* buffer) noexcept;

}  // namespace postern
