#include "store/administrators.hpp"

#include <algorithm>

#include "store/format.hpp"
#include "store/names.hpp"

namespace postern::store {
namespace {

/// Looks for one usable administrator. Its records are large, so that it keeps them between tokens.
class Search {
 public:
  Search(const Transaction& transaction, UnixSeconds now, std::span<const TokenKey> without)
      : transaction_(transaction), now_(now), without_(without) {}

  Result<bool> run() {
    const Result<Handle> role = handle_of(transaction_, EntityKind::role, reserved_role);
    if (!role) return false;  // a store without it has no administrators to lose; verify() names that
    const auto key = reference_key({EntityKind::role, *role});
    POSTERN_TRY(const bool direct, any_token(transaction_.databases().token_holders, key.view()));
    if (direct) return true;
    POSTERN_TRY(Cursor users, transaction_.cursor(transaction_.databases().user_holders));
    POSTERN_TRY(bool more, users.at(key.view()));
    while (more) {
      POSTERN_TRY(const auto bytes, transaction_.get(transaction_.databases().users, users.value()));
      if (bytes && decode(*bytes, user_) && usable_at(user_, now_)) {
        POSTERN_TRY(const bool owned, any_token(transaction_.databases().owned, users.value()));
        if (owned) return true;
      }
      POSTERN_TRY(more, users.next_of_key());
    }
    return false;
  }

 private:
  /// Whether one of the tokens in a set is usable, a usable owner taken for granted.
  Result<bool> any_token(MDB_dbi index, std::string_view key) {
    POSTERN_TRY(Cursor tokens, transaction_.cursor(index));
    POSTERN_TRY(bool more, tokens.at(key));
    while (more) {
      const auto token = token_key(tokens.value());
      if (token && !std::binary_search(without_.begin(), without_.end(), *token)) {
        POSTERN_TRY(const bool found, usable(*token));
        if (found) return true;
      }
      POSTERN_TRY(more, tokens.next_of_key());
    }
    return false;
  }

  Result<bool> usable(const TokenKey& key) {
    POSTERN_TRY(const auto detail_bytes, transaction_.get(transaction_.databases().tokens, key.view()));
    TokenRecord detail;
    if (!detail_bytes || !decode(*detail_bytes, detail)) return false;
    POSTERN_TRY(const auto bytes, transaction_.get(transaction_.databases().secrets, detail.hash.view()));
    if (!bytes || !decode(*bytes, secret_)) return false;
    return state_at(secret_, OwnerState::usable, now_) == TokenState::valid;
  }

  const Transaction& transaction_;
  UnixSeconds now_;
  std::span<const TokenKey> without_;
  SecretRecord secret_;
  UserRecord user_;
};

}  // namespace

bool usable_at(const UserRecord& user, UnixSeconds now) noexcept {
  return user.status == UserStatus::enabled ||
         (user.status == UserStatus::enabled_until && now < user.enabled_until);
}

TokenState state_at(const SecretRecord& token, OwnerState owner, UnixSeconds now) noexcept {
  if (token.canary) return TokenState::canary;
  if (!token.enabled) return TokenState::disabled;
  if (now < token.not_before) return TokenState::not_yet_valid;
  if (token.expires != 0 && now >= token.expires) return TokenState::expired;
  if (token.owner == no_handle) return TokenState::valid;
  if (owner == OwnerState::missing) return TokenState::owner_missing;
  return owner == OwnerState::usable ? TokenState::valid : TokenState::owner_disabled;
}

Result<bool> has_administrator(const Transaction& transaction, UnixSeconds now) {
  return has_administrator(transaction, now, {});
}

Result<bool> has_administrator(const Transaction& transaction, UnixSeconds now,
                               std::span<const TokenKey> without) {
  return Search(transaction, now, without).run();
}

}  // namespace postern::store
