#include "store/token_id.hpp"

#include <algorithm>

namespace postern::store {
namespace {

constexpr std::uint64_t half_end = 218'340'105'584'896;  // 62^8
constexpr std::size_t half_digits = 8;
constexpr std::size_t half_bytes = 6;

int digit_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'Z') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 36;
  return -1;
}

std::uint64_t half_value(const char* bytes) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < half_bytes; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

/// Every number below 62^2 as two digits: half the divisions.
constexpr std::uint32_t pair_count = 62 * 62;
constexpr std::array<std::array<char, 2>, pair_count> digit_pairs = [] {
  std::array<std::array<char, 2>, pair_count> pairs = {};
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {base62_digits[i / 62], base62_digits[i % 62]};
  return pairs;
}();

void write_half(std::uint64_t value, char* digits) noexcept {
  constexpr std::uint64_t four_digits = std::uint64_t{pair_count} * pair_count;
  // From here on 32 bits are enough.
  const auto high = static_cast<std::uint32_t>(value / four_digits);
  const auto low = static_cast<std::uint32_t>(value % four_digits);
  const auto put = [](std::uint32_t pair, char* at) {
    std::copy(digit_pairs[pair].begin(), digit_pairs[pair].end(), at);
  };
  put(high / pair_count % pair_count, digits);
  put(high % pair_count, digits + 2);
  put(low / pair_count, digits + 4);
  put(low % pair_count, digits + 6);
}

}  // namespace

std::optional<TokenKey> parse_token_id(std::string_view text) noexcept {
  if (text.size() != token_id_chars || !text.starts_with(token_id_prefix)) return std::nullopt;
  TokenKey key;
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t value = 0;
    for (const char digit : text.substr(token_id_prefix.size() + half * half_digits, half_digits)) {
      const int worth = digit_value(digit);
      if (worth < 0) return std::nullopt;
      value = value * 62 + static_cast<std::uint64_t>(worth);
    }
    for (std::size_t i = half_bytes; i-- > 0; value >>= 8)
      key.bytes[half * half_bytes + i] = static_cast<char>(value & 0xff);
  }
  return key;
}

std::optional<TokenKey> token_key(std::string_view bytes) noexcept {
  TokenKey key;
  if (bytes.size() != key.bytes.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  if (half_value(key.bytes.data()) >= half_end || half_value(key.bytes.data() + half_bytes) >= half_end)
    return std::nullopt;
  return key;
}

void write_token_id(const TokenKey& key, std::span<char, token_id_chars> out) noexcept {
  std::copy(token_id_prefix.begin(), token_id_prefix.end(), out.begin());
  char* digits = out.data() + token_id_prefix.size();
  write_half(half_value(key.bytes.data()), digits);
  write_half(half_value(key.bytes.data() + half_bytes), digits + half_digits);
}

std::string token_id_text(const TokenKey& key) {
  std::string text(token_id_chars, '\0');
  write_token_id(key, std::span<char, token_id_chars>(text.data(), token_id_chars));
  return text;
}

}  // namespace postern::store
