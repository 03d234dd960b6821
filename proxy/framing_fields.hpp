// The fields that tell where a message ends and what becomes of its connection (RFC 9112 §6, §9.3).

#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/head.hpp"
#include "proxy/head_error.hpp"

namespace postern {

/// Content-Length, Transfer-Encoding and Connection of one head, gathered line by line. Whoever can be read
/// in two ways is refused: one length, one coding, never both.
class FramingFields {
 public:
  /// Looks at one field, whatever its name. Errors: bad_content_length, bad_transfer_encoding,
  /// bad_connection.
  [[nodiscard]] HeadError take(const Field& field, const char* buffer, Head& head) noexcept {
    const bool frames = field.known == FieldName::content_length ||
                        field.known == FieldName::transfer_encoding || field.known == FieldName::connection;
    return frames ? take_framing(field, buffer, head) : HeadError::none;
  }

  /// After the last field: writes head.framing as the fields say, `without` when they say nothing. Errors:
  /// length_and_coding, coding_in_http10, unsupported_transfer_encoding. Judged here, so that the order of
  /// the fields decides nothing.
  [[nodiscard]] HeadError finish(Head& head, Framing without) const noexcept;

 private:
  enum class Coding : std::uint8_t { none = 0, chunked, unknown };
  [[nodiscard]] HeadError take_framing(const Field& field, const char* buffer, Head& head) noexcept;
  [[nodiscard]] HeadError take_length(std::string_view value, Head& head) noexcept;
  [[nodiscard]] HeadError take_coding(std::string_view value) noexcept;

  bool length_seen_ = false;
  Coding coding_ = Coding::none;
};

}  // namespace postern
