// Records of tokens and users. Encoders write what README.md specifies; decoders are total over any bytes,
// take exactly one spelling of a record, allocate nothing, and give views into the bytes they were given.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "conf/config.hpp"
#include "store/reader.hpp"
#include "store/rights.hpp"
#include "store/store.hpp"
#include "store/token_id.hpp"

namespace postern::store {

inline constexpr std::uint8_t record_version = 1;

enum class SecretState : std::uint8_t { active = 1, rotated = 2 };  // on disk, do not renumber

/// Value of `secrets`, under the SHA-256 of the secret: all that a request needs.
struct SecretRecord {
  SecretState state = SecretState::active;
  TokenKey token;
  bool imported = false;  ///< the secret does not have our form, so it must be looked up without a checksum

  // of an active one
  bool enabled = true;
  bool reuse_seen = false;     ///< disabled since an old secret of it was used; only while it is disabled
  bool canary = false;         ///< then it has no owner, and `rights` are empty
  UnixSeconds not_before = 0;  ///< 0 = none
  UnixSeconds expires = 0;     ///< 0 = never
  Handle owner = no_handle;    ///< a user; then `rights` are empty
  BoundedList<Network, limits::cidrs_per_token_max> networks;  ///< none = any
  std::string_view name;
  Rights rights;

  // of a rotated one
  UnixSeconds rotated_at = 0;
  UnixSeconds grace_until = 0;  ///< until then it stands for the token's current secret; 0 = never

  std::string_view extensions;
};

/// Value of `tokens`, under the token's key: what only management asks for.
struct TokenRecord {
  SecretHash hash;  ///< of the current secret
  UnixSeconds created = 0;
  UnixSeconds rotated = 0;  ///< 0 = never
  std::string_view description;
  std::string_view extensions;
};

/// Value of `users`, under the user's handle.
struct UserRecord {
  std::string_view id;
  std::string_view name;
  std::string_view email;
  UserStatus status = UserStatus::disabled;
  UnixSeconds enabled_until = 0;
  UnixSeconds created = 0;
  Rights rights;
  std::string_view extensions;
};

[[nodiscard]] std::string encode(const SecretRecord& record);
[[nodiscard]] std::string encode(const TokenRecord& record);
[[nodiscard]] std::string encode(const UserRecord& record);

/// False when the bytes are no such record; `record` is then partly filled and not to be used.
[[nodiscard]] bool decode(std::string_view bytes, SecretRecord& record) noexcept;
[[nodiscard]] bool decode(std::string_view bytes, TokenRecord& record) noexcept;
[[nodiscard]] bool decode(std::string_view bytes, UserRecord& record) noexcept;

}  // namespace postern::store
