#include "store/secret.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <sys/random.h>

// The low-level SHA-256 functions are deprecated in OpenSSL 3.0, yet they are the ones that allocate nothing:
// 60-90 ns a token against 330-540 ns for a one-shot call through EVP, which also fetches and frees a context
// each time.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "conf/limits.hpp"
#include "store/reader.hpp"
#include "store/token_id.hpp"

namespace postern::store {
namespace {

constexpr std::size_t random_chars = 32;
constexpr std::size_t checksum_chars = 6;

/// Four bytes at a time: table[n][b] is the checksum of b with n zero bytes behind it.
using CrcTables = std::array<std::array<std::uint32_t, 256>, 4>;
constexpr CrcTables make_crc_tables() noexcept {
  CrcTables tables = {};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0u);
    tables[0][byte] = value;
  }
  for (std::size_t n = 1; n < tables.size(); ++n)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[n - 1][byte];
      tables[n][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  return tables;
}
constexpr CrcTables crc = make_crc_tables();

/// CRC-32 as in zlib. It tells a typing slip from a secret; it protects nothing.
std::uint32_t crc32(std::string_view text) noexcept {
  std::uint32_t value = ~0u;
  const auto byte = [&text](std::size_t i) { return std::uint32_t{static_cast<std::uint8_t>(text[i])}; };
  for (; text.size() >= 4; text.remove_prefix(4)) {
    value ^= byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24;
    value =
        crc[3][value & 0xff] ^ crc[2][value >> 8 & 0xff] ^ crc[1][value >> 16 & 0xff] ^ crc[0][value >> 24];
  }
  for (; !text.empty(); text.remove_prefix(1)) value = value >> 8 ^ crc[0][(value ^ byte(0)) & 0xff];
  return ~value;
}

void write_checksum(std::string_view text, char* out) noexcept {
  std::uint32_t value = crc32(text);
  for (std::size_t i = checksum_chars; i-- > 0; value /= 62) out[i] = base62_digits[value % 62];
}

/// What a base62 digit is worth; `no_digit` for any other byte.
constexpr std::uint8_t no_digit = 0x80;
constexpr std::array<std::uint8_t, 256> digit_values = [] {
  std::array<std::uint8_t, 256> values = {};
  values.fill(no_digit);
  for (std::size_t i = 0; i < base62_digits.size(); ++i)
    values[static_cast<std::uint8_t>(base62_digits[i])] = static_cast<std::uint8_t>(i);
  return values;
}();
std::uint8_t digit_value(char c) noexcept {
  return digit_values[static_cast<std::uint8_t>(c)];
}

bool is_base62(char c) noexcept {
  return digit_value(c) != no_digit;
}

Status random_bytes(std::span<unsigned char> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return Error{ErrorKind::unavailable,
                   std::string("no random bytes from the operating system: ") + std::strerror(errno)};
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

/// Appends base62 characters, each equally likely: bytes from 248 on (4 * 62) are thrown away.
Status append_random_base62(std::string& text, std::size_t count) {
  std::array<unsigned char, 64> pool = {};
  const std::size_t end = text.size() + count;
  while (text.size() < end) {
    POSTERN_TRY_STATUS(random_bytes(pool));
    for (const unsigned char byte : pool)
      if (byte < 248 && text.size() < end) text.push_back(base62_digits[byte % 62]);
  }
  OPENSSL_cleanse(pool.data(), pool.size());
  return {};
}

/// RFC 6750 §2.1: what may stand after `Bearer`.
bool is_token68(std::string_view text) noexcept {
  const std::size_t end = text.find_last_not_of('=');
  if (end == std::string_view::npos) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end) + 1, [](char c) {
    return is_base62(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

/// Whether the text is its own first part over and over ("changemechangeme").
bool repeats(std::string_view text) noexcept {
  for (std::size_t period = 1; period <= text.size() / 2; ++period)
    if (text.substr(period) == text.substr(0, text.size() - period)) return true;
  return false;
}

/// Whether most steps from one character to the next are the same small one ("abcdefgh12345678").
bool counts(std::string_view text) noexcept {
  std::size_t up = 0, down = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    up += text[i] - text[i - 1] == 1;
    down += text[i] - text[i - 1] == -1;
  }
  return std::max(up, down) * 4 >= text.size() * 3;
}

}  // namespace

SecretHash hash_secret(std::string_view secret) noexcept {
  SecretHash hash;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, secret.data(), secret.size());
  SHA256_Final(hash.bytes, &context);
  OPENSSL_cleanse(&context, sizeof context);  // it holds the end of the secret in plain
  return hash;
}

bool may_be_ours(std::string_view secret, std::string_view prefix) noexcept {
  return secret.size() == prefix.size() + random_chars + checksum_chars && secret.starts_with(prefix);
}

SecretForm secret_form(std::string_view secret, std::string_view prefix) noexcept {
  if (!secret.starts_with(prefix)) return SecretForm::foreign;
  if (!may_be_ours(secret, prefix)) return SecretForm::corrupt;
  const std::size_t checked = prefix.size() + random_chars;
  std::uint8_t any = 0;
  for (const char c : secret.substr(prefix.size())) any |= digit_value(c);
  if ((any & no_digit) != 0) return SecretForm::corrupt;
  std::uint64_t checksum = 0;
  for (const char c : secret.substr(checked)) checksum = checksum * 62 + digit_value(c);
  return checksum == crc32(secret.substr(0, checked)) ? SecretForm::ours : SecretForm::corrupt;
}

Result<std::string> make_secret(std::string_view prefix) {
  std::string secret;
  // Reserved whole, so that growing leaves no copy of a part behind.
  secret.reserve(prefix.size() + random_chars + checksum_chars);
  secret = prefix;
  POSTERN_TRY_STATUS(append_random_base62(secret, random_chars));
  const std::size_t checked = secret.size();
  secret.resize(checked + checksum_chars);
  write_checksum(std::string_view(secret).substr(0, checked), secret.data() + checked);
  return secret;
}

Result<std::string> make_token_id() {
  std::string id(token_id_prefix);
  POSTERN_TRY_STATUS(append_random_base62(id, token_id_chars - token_id_prefix.size()));
  return id;
}

std::string_view imported_secret_flaw(std::string_view secret) noexcept {
  if (secret.size() < limits::imported_secret_bytes_min) return "shorter than 16 characters";
  if (secret.size() > limits::credential_bytes_max) return "longer than a credential may be (512 bytes)";
  if (!is_token68(secret)) return "holds characters that a bearer token may not have (RFC 6750, section 2.1)";
  std::bitset<256> seen;
  for (const char c : secret) seen.set(static_cast<std::uint8_t>(c));
  if (seen.count() < 6) return "has too few different characters to be hard to guess";
  if (repeats(secret)) return "repeats a pattern, so it is easy to guess";
  if (counts(secret)) return "counts up or down, so it is easy to guess";
  return {};
}

void wipe(std::string& secret) noexcept {
  // Up to the capacity: what was cut off by an earlier assignment is still there.
  if (!secret.empty()) secret.resize(secret.capacity());
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace postern::store
