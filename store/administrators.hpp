// Whether somebody is left who may administer: the role postern.admin in the hands of a usable token.

#pragma once

#include "store/subject_record.hpp"
#include "store/transaction.hpp"

namespace postern::store {

/// What is known of a token's owner.
enum class OwnerState : std::uint8_t { missing = 0, unusable, usable };

/// What a token is worth at a moment, its secret and the client's address apart. `owner` is looked at only
/// when it has one.
[[nodiscard]] TokenState state_at(const SecretRecord& token, OwnerState owner, UnixSeconds now) noexcept;
/// Whether a user's tokens work at that moment.
[[nodiscard]] bool usable_at(const UserRecord& user, UnixSeconds now) noexcept;

/// Whether a usable token holds the reserved role, itself or through its owner. Takes as long as there are
/// unusable ones that hold it.
[[nodiscard]] Result<bool> has_administrator(const Transaction& transaction, UnixSeconds now);

/// The same, leaving these tokens out of account. `without` is sorted.
[[nodiscard]] Result<bool> has_administrator(const Transaction& transaction, UnixSeconds now,
                                             std::span<const TokenKey> without);

}  // namespace postern::store
