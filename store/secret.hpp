// Token secrets: `pst_` + 32 base62 characters from the operating system's generator + 6 base62 characters of
// CRC-32.

#pragma once

#include <string>
#include <string_view>

#include "conf/result.hpp"

namespace postern::store {

/// What a credential looks like before any hash is computed.
enum class SecretForm : unsigned char {
  ours,     ///< our prefix, right length, right checksum
  corrupt,  ///< our prefix, but length, alphabet or checksum is wrong: a slip, or made up
  foreign,  ///< not our prefix: worth a look-up only while the store holds imported secrets
};

/// Classifies without allocating. CRC-32 as in zlib over prefix and random part, base62 with `0-9A-Za-z`,
/// left-padded with `0` to six.
[[nodiscard]] SecretForm secret_form(std::string_view secret, std::string_view prefix) noexcept;

/// Whether a credential may be ours, by prefix and length alone; another one with our prefix is refused
/// without a look-up. For the request path: to hash it and not to find it costs no more than to compute its
/// checksum, and what is found needs none.
[[nodiscard]] bool may_be_ours(std::string_view secret, std::string_view prefix) noexcept;

/// A new secret, 190 bits from the operating system. Wipe it after use (wipe()).
[[nodiscard]] Result<std::string> make_secret(std::string_view prefix);

/// A new token id: `tok_` + 16 base62 characters.
[[nodiscard]] Result<std::string> make_token_id();

/// Why a secret chosen elsewhere may not be imported, or empty: shorter than
/// limits::imported_secret_bytes_min, not token68 (RFC 6750 §2.1), low entropy (few different characters, a
/// repeated or counting pattern).
[[nodiscard]] std::string_view imported_secret_flaw(std::string_view secret) noexcept;

/// Overwrites the text before it is freed (OPENSSL_cleanse).
void wipe(std::string& secret) noexcept;

}  // namespace postern::store
