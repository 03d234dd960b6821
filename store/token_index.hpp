// What leads to a token from elsewhere: its owner, its expiry, its old secrets.

#pragma once

#include "store/mutation.hpp"
#include "store/subject_record.hpp"

namespace postern::store {

/// `owned`: a user's handle → token keys. no_handle means none.
[[nodiscard]] Status move_owner(Transaction& transaction, const TokenKey& key, Handle before, Handle after);

/// `expiries`: the day → second of that day and token key, so that whole days share one key. 0 means none.
[[nodiscard]] Status move_expiry(Transaction& transaction, const TokenKey& key, UnixSeconds before,
                                 UnixSeconds after);
struct ExpiryEntry {
  FixedKey<4> day;
  FixedKey<16> value;
};
[[nodiscard]] ExpiryEntry expiry_entry(const TokenKey& key, UnixSeconds expires) noexcept;

/// `rotated`: token key → when a secret was rotated and its hash, the oldest first.
[[nodiscard]] FixedKey<40> rotated_entry(UnixSeconds rotated_at, const SecretHash& hash) noexcept;
/// Turns the record of a secret into `old`, a rotated one, and forgets the oldest beyond
/// limits::rotated_secrets_per_token_max.
[[nodiscard]] Status remember_rotated(Mutation& mutation, const SecretHash& hash, const SecretRecord& old);
/// Erases all old secrets of a token.
[[nodiscard]] Status forget_rotated(Mutation& mutation, const TokenKey& key);
/// No old secret of the token stands for its current one any more.
[[nodiscard]] Status end_graces(Transaction& transaction, const TokenKey& key);

}  // namespace postern::store
