// Users within a transaction.

#pragma once

#include "store/mutation.hpp"
#include "store/names.hpp"
#include "store/subject_record.hpp"

namespace postern::store {

[[nodiscard]] Status create_user(Mutation& mutation, const User& user);
/// True when something changed.
[[nodiscard]] Result<bool> update_user(Mutation& mutation, std::string_view id, const UserChange& change);
/// Deletes the user's tokens too.
[[nodiscard]] Status delete_user(Mutation& mutation, std::string_view id);

/// Errors: not_found.
[[nodiscard]] Result<User> find_user(const Transaction& transaction, std::string_view id);
[[nodiscard]] Result<User> describe(Names& names, const UserRecord& record);

}  // namespace postern::store
