// What a head says, as offsets into the buffer it was read from.

#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "conf/limits.hpp"
#include "proxy/field_line.hpp"

namespace postern {

enum class TargetForm : std::uint8_t { origin = 0, absolute, asterisk, authority };

/// How the length of a body is told.
enum class Framing : std::uint8_t { none = 0, length, chunked, until_close };

/// What both kinds of head share.
struct Head {
  std::uint8_t minor = 1;            ///< HTTP/1.minor
  Framing framing = Framing::none;   ///< as the fields say; of an answer see response_framing()
  std::uint64_t content_length = 0;  ///< with Framing::length
  bool connection_close = false;
  bool connection_keep_alive = false;
  bool connection_upgrade = false;    ///< `upgrade` is among Connection's tokens
  bool connection_nominates = false;  ///< others are, too: fields that end here
  std::uint16_t field_count = 0;
  std::uint32_t size = 0;          ///< bytes of the head, leading empty line and final CRLF included
  std::uint64_t known_fields = 0;  ///< a bit for each FieldName that stands there at least once
  std::array<Field, limits::fields_max> fields;

  /// Whether it is worth looking for.
  [[nodiscard]] bool has(FieldName name) const noexcept { return (known_fields & bit(name)) != 0; }
  void note(FieldName name) noexcept { known_fields |= bit(name); }
  [[nodiscard]] std::span<const Field> all() const noexcept { return {fields.data(), field_count}; }

 private:
  static constexpr std::uint64_t bit(FieldName name) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(name);
  }
};

struct RequestHead : Head {
  Slice method;
  Slice target;  ///< as sent
  TargetForm form = TargetForm::origin;
  Slice path;   ///< of origin and absolute form, without query; empty path of absolute form has size 0
  Slice query;  ///< without '?'
  bool has_query = false;
  Slice host;  ///< value of Host, or the authority of absolute form (which must equal Host)
  bool has_host = false;
  bool expect_continue = false;
};

struct ResponseHead : Head {
  std::uint16_t status = 0;
  Slice reason;  ///< never forwarded raw
  bool has_date = false;
};

/// How the body that follows `head` is framed, given the request's method: none for HEAD, 1xx, 204, 304
/// whatever the fields say; else chunked, length, or until_close.
[[nodiscard]] Framing response_framing(const ResponseHead& head, bool head_request) noexcept;

}  // namespace postern
