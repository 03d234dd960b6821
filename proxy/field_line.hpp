// One field line, `Name: value`, of a head.

#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/field_name.hpp"
#include "proxy/head_error.hpp"

namespace postern {

/// A piece of the buffer a head was read from. Offsets, not views: the buffer may move.
struct Slice {
  std::uint32_t begin = 0;
  std::uint32_t size = 0;
  [[nodiscard]] std::string_view of(const char* buffer) const noexcept { return {buffer + begin, size}; }
};

struct Field {
  Slice name;
  Slice value;  ///< OWS trimmed on both sides
  FieldName known = FieldName::other;
  bool plain = true;  ///< the name holds only letters, digits and '-'
};

/// A complete line: `begin` to `end`, where the CRLF stands.
struct Line {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  [[nodiscard]] bool empty() const noexcept { return begin == end; }
};

/// Reads a line that is not empty (RFC 9112 §5): token, colon, value of visible bytes, SP, HTAB and obs-text.
/// Writes all of `field` on success. Errors: folded_field, bad_field_name, bad_field_value, bad_line_end (a
/// bare CR in the value).
[[nodiscard]] HeadError read_field_line(const char* buffer, Line line, Field& field) noexcept;

/// The first byte in [begin, end) that no field value may hold, or `end`.
[[nodiscard]] const char* find_non_value_byte(const char* begin, const char* end) noexcept;

}  // namespace postern
