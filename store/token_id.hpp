// Token ids: `tok_` + 16 base62 characters for people, 12 bytes as a key.

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postern::store {

inline constexpr std::string_view token_id_prefix = "tok_";
inline constexpr std::size_t token_id_chars = 20;  ///< with its prefix

/// The alphabet of ids and secrets, in ascending order of its bytes.
inline constexpr std::string_view base62_digits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The binary form of a token id. Each half of eight base62 digits is one 48-bit big-endian number (62^8 <
/// 2^48), so that keys sort as the texts do and no 128-bit division is needed on the request path.
struct TokenKey {
  std::array<char, 12> bytes = {};
  [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), bytes.size()}; }
  /// As ids and LMDB's keys do: by unsigned bytes.
  friend std::strong_ordering operator<=>(const TokenKey& a, const TokenKey& b) noexcept {
    return a.view() <=> b.view();
  }
  friend bool operator==(const TokenKey&, const TokenKey&) = default;
};

/// Nothing when the text is not a token id.
[[nodiscard]] std::optional<TokenKey> parse_token_id(std::string_view text) noexcept;
/// Nothing when the bytes are no key: wrong size, or a half beyond 62^8.
[[nodiscard]] std::optional<TokenKey> token_key(std::string_view bytes) noexcept;
/// Writes the text form. A key that did not come from parse_token_id() or token_key() gives nonsense, not a
/// fault.
void write_token_id(const TokenKey& key, std::span<char, token_id_chars> out) noexcept;
[[nodiscard]] std::string token_id_text(const TokenKey& key);

}  // namespace postern::store
