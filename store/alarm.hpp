// What follows when a token is used that nobody was to use: a canary, or a secret that was rotated out.

#pragma once

#include "store/usage.hpp"

namespace postern::store {

/// Writes such a use into the audit log. Errors: those of a mutation.
[[nodiscard]] Status record_alarm(const Store& store, const Actor& actor, const TokenUse& use);

/// Disables the token, with an audit record, in a declared store too. False when it is gone or disabled
/// already. Errors: conflict (no usable administrator would be left), those of a mutation.
[[nodiscard]] Result<bool> disable_token(const Store& store, const Actor& actor, const TokenKey& key);

}  // namespace postern::store
