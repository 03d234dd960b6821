// What each byte may be in HTTP/1.1, by table: `char` is signed on some machines, and one load answers every
// question.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace postern {

/// Classes a byte may belong to, as bits.
enum ByteClass : std::uint8_t {
  tchar_byte = 1,       ///< RFC 9110 §5.6.2
  plain_name_byte = 2,  ///< letter, digit or '-': names that no alias rule can bend
  value_byte = 4,       ///< field-vchar, SP, HTAB: anything but control bytes and DEL (RFC 9110 §5.5)
  path_byte = 8,        ///< raw in a request target before '?'; see query_byte for what is narrower here
  query_byte = 16,  ///< VCHAR without `"`, `<`, `>`, `#`; browsers send `\ ^ { } |` and the backtick raw in
                    ///< queries only
  digit_byte = 32,
  hex_byte = 64,
  quoted_byte = 128,  ///< qdtext (RFC 9110 §5.6.4)
};

namespace byte_class {

constexpr bool among(unsigned char byte, std::string_view set) noexcept {
  return set.find(static_cast<char>(byte)) != std::string_view::npos;
}

constexpr std::uint8_t classify(unsigned char byte) noexcept {
  const bool digit = byte >= '0' && byte <= '9';
  const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  const bool visible = byte > 0x20 && byte < 0x7f;
  const bool value = byte == '\t' || byte == ' ' || visible || byte >= 0x80;
  const bool query = visible && !among(byte, "\"<>#");
  unsigned bits = 0;
  if (digit || letter || (byte != 0 && among(byte, "!#$%&'*+-.^_`|~"))) bits |= tchar_byte;
  if (digit || letter || byte == '-') bits |= plain_name_byte;
  if (value) bits |= value_byte;
  if (query && !among(byte, "?\\^{}|`")) bits |= path_byte;
  if (query) bits |= query_byte;
  if (digit) bits |= digit_byte;
  if (digit || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F')) bits |= hex_byte;
  if (value && byte != '"' && byte != '\\') bits |= quoted_byte;
  return static_cast<std::uint8_t>(bits);
}

constexpr std::array<std::uint8_t, 256> make_table() noexcept {
  std::array<std::uint8_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) table[byte] = classify(static_cast<unsigned char>(byte));
  return table;
}

inline constexpr std::array<std::uint8_t, 256> table = make_table();

}  // namespace byte_class

/// All classes of a byte.
[[nodiscard]] constexpr std::uint8_t classes_of(char byte) noexcept {
  return byte_class::table[static_cast<unsigned char>(byte)];
}
[[nodiscard]] constexpr bool is(char byte, ByteClass wanted) noexcept {
  return (classes_of(byte) & wanted) != 0;
}
[[nodiscard]] constexpr bool is_ows(char byte) noexcept {
  return byte == ' ' || byte == '\t';
}

/// Whether `text` is a token (RFC 9110 §5.6.2): not empty, only tchar.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// ASCII case-insensitive equality.
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;

}  // namespace postern
