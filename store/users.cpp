#include "store/users.hpp"

#include <limits>

#include "conf/limits.hpp"
#include "store/change.hpp"
#include "store/entity_record.hpp"
#include "store/impl.hpp"
#include "store/text.hpp"
#include "store/tokens.hpp"
#include "store/validity.hpp"

namespace postern::store {
namespace {

Status check_user(const User& user) {
  if (const std::string_view flaw = user_id_flaw(user.id); !flaw.empty())
    return Error{ErrorKind::invalid, std::string(flaw)};
  POSTERN_TRY_STATUS(check_text("name", user.name, limits::name_bytes_max));
  POSTERN_TRY_STATUS(check_text("email", user.email, limits::name_bytes_max));
  POSTERN_TRY_STATUS(check_time("enabled until", user.enabled_until));
  const bool known = user.status == UserStatus::enabled || user.status == UserStatus::disabled ||
                     user.status == UserStatus::enabled_until;
  if (!known) return Error{ErrorKind::invalid, "no such status of a user"};
  if ((user.status == UserStatus::enabled_until) != (user.enabled_until != 0))
    return Error{ErrorKind::usage, "the status \"enabled until\" and its time belong together"};
  return {};
}

struct StoredUser {
  Handle handle = no_handle;
  User user;
  std::vector<Reference> references;  ///< deleted ones included
  std::string extensions;
};

Result<StoredUser> load(const Transaction& transaction, std::string_view id) {
  StoredUser stored;
  POSTERN_TRY(stored.handle, user_handle_of(transaction, id));
  POSTERN_TRY(const auto bytes,
              transaction.get(transaction.databases().users, handle_key(stored.handle).view()));
  UserRecord record;
  if (!bytes || !decode(*bytes, record)) return corrupt("user " + std::string(id));
  Names names(transaction);
  POSTERN_TRY(stored.user, describe(names, record));
  stored.references = references(record.rights);
  stored.extensions = record.extensions;
  return stored;
}

Status write(Mutation& mutation, Handle handle, const User& user, const std::vector<Reference>& before,
             std::string_view extensions) {
  UserRecord record;
  POSTERN_TRY_STATUS(to_rights(mutation.transaction(), user.assignments, record.rights));
  record.id = user.id;
  record.name = user.name;
  record.email = user.email;
  record.status = user.status;
  record.enabled_until = user.enabled_until;
  record.created = user.created;
  record.extensions = extensions;
  const auto key = handle_key(handle);
  POSTERN_TRY_STATUS(mutation.move_holdings(mutation.databases().user_holders, key.view(), before,
                                            references(record.rights)));
  return mutation.transaction().put(mutation.databases().users, key.view(), encode(record));
}

}  // namespace

Status create_user(Mutation& mutation, const User& given) {
  POSTERN_TRY_STATUS(check_user(given));
  const std::string key = user_id_key(given.id);
  POSTERN_TRY(const auto existing, mutation.transaction().get(mutation.databases().ids, key));
  if (existing) return Error{ErrorKind::conflict, "user " + given.id + " exists already"};

  User user = given;
  user.created = mutation.now();
  POSTERN_TRY(const Handle handle,
              mutation.next_handle(meta_key::next_user, std::numeric_limits<Handle>::max()));
  POSTERN_TRY_STATUS(mutation.transaction().put(mutation.databases().ids, key, handle_key(handle).view()));
  POSTERN_TRY_STATUS(write(mutation, handle, user, {}, {}));
  return mutation.record("user.create", user.id, change_of(nullptr, &user));
}

Result<bool> update_user(Mutation& mutation, std::string_view id, const UserChange& change) {
  POSTERN_TRY(const StoredUser stored, load(mutation.transaction(), id));
  User after = stored.user;
  if (change.name) after.name = *change.name;
  if (change.email) after.email = *change.email;
  if (change.status) {
    after.status = *change.status;
    if (after.status != UserStatus::enabled_until) after.enabled_until = 0;
  }
  if (change.enabled_until) after.enabled_until = *change.enabled_until;
  POSTERN_TRY_STATUS(change_assignments(mutation.transaction(), change.assignments, after.assignments));
  POSTERN_TRY_STATUS(check_user(after));

  if (after == stored.user) return false;
  POSTERN_TRY_STATUS(mutation.note_administrators());
  POSTERN_TRY_STATUS(write(mutation, stored.handle, after, stored.references, stored.extensions));
  POSTERN_TRY_STATUS(mutation.record("user.update", id, change_of(&stored.user, &after)));
  return true;
}

Status delete_user(Mutation& mutation, std::string_view id) {
  POSTERN_TRY(const StoredUser stored, load(mutation.transaction(), id));
  const auto key = handle_key(stored.handle);
  POSTERN_TRY_STATUS(mutation.note_administrators());
  POSTERN_TRY(const std::size_t tokens,
              erase_tokens_of(mutation, stored.handle, std::numeric_limits<std::size_t>::max()));
  POSTERN_TRY_STATUS(
      mutation.move_holdings(mutation.databases().user_holders, key.view(), stored.references, {}));
  POSTERN_TRY_STATUS(mutation.transaction().erase(mutation.databases().users, key.view()));
  POSTERN_TRY_STATUS(mutation.transaction().erase(mutation.databases().ids, user_id_key(id)));
  return mutation.record("user.delete", id, user_deletion(stored.user, tokens));
}

Result<User> describe(Names& names, const UserRecord& record) {
  User user;
  user.id = record.id;
  user.name = record.name;
  user.email = record.email;
  user.status = record.status;
  user.enabled_until = record.enabled_until;
  user.created = record.created;
  POSTERN_TRY(user.assignments, names.assignments(record.rights));
  return user;
}

Result<User> find_user(const Transaction& transaction, std::string_view id) {
  POSTERN_TRY(StoredUser stored, load(transaction, id));
  return std::move(stored.user);
}

Status Store::create_user(const Actor& actor, const User& user) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  POSTERN_TRY_STATUS(store::create_user(mutation, user));
  return mutation.finish();
}

Status Store::update_user(const Actor& actor, std::string_view id, const UserChange& change) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  POSTERN_TRY([[maybe_unused]] const bool changed, store::update_user(mutation, id, change));
  return mutation.finish();
}

Status Store::delete_user(const Actor& actor, std::string_view id) {
  {
    POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
    POSTERN_TRY(const Handle handle, user_handle_of(mutation.transaction(), id));
    POSTERN_TRY(const std::uint64_t tokens,
                mutation.transaction().count(mutation.databases().owned, handle_key(handle).view()));
    if (tokens <= limits::atomic_changes_max) {
      POSTERN_TRY_STATUS(store::delete_user(mutation, id));
      return mutation.finish();
    }
    // Disabled, so that what follows in batches has taken effect at once.
    UserChange change;
    change.status = UserStatus::disabled;
    POSTERN_TRY([[maybe_unused]] const bool changed, store::update_user(mutation, id, change));
    POSTERN_TRY_STATUS(mutation.finish());
  }
  for (;;) {
    POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
    POSTERN_TRY(const Handle handle, user_handle_of(mutation.transaction(), id));
    POSTERN_TRY(const std::uint64_t tokens,
                mutation.transaction().count(mutation.databases().owned, handle_key(handle).view()));
    if (tokens <= limits::changes_per_transaction) {
      POSTERN_TRY_STATUS(store::delete_user(mutation, id));
      return mutation.finish();
    }
    POSTERN_TRY(const std::size_t erased, erase_tokens_of(mutation, handle, limits::changes_per_transaction));
    POSTERN_TRY_STATUS(mutation.record("user.delete_tokens", id, tokens_deletion(erased)));
    POSTERN_TRY_STATUS(mutation.finish());
  }
}

Result<User> Store::user(std::string_view id) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  return find_user(transaction, id);
}

Result<std::vector<User>> Store::users(const Page& page) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().ids));
  Names names(transaction);
  std::vector<User> found;
  // The page starts behind `after`: no id holds a NUL, so that this is the next key there can be.
  const std::string prefix = user_id_key("");
  if (page.after.size() > limits::user_id_bytes_max) return found;
  POSTERN_TRY(bool more, cursor.from(page.after.empty() ? prefix : user_id_key(page.after) + '\0'));
  while (more && cursor.key().starts_with(prefix) && (page.limit == 0 || found.size() < page.limit)) {
    POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().users, cursor.value()));
    UserRecord record;
    if (!bytes || !decode(*bytes, record)) return corrupt("user " + std::string(cursor.key().substr(1)));
    POSTERN_TRY(User user, describe(names, record));
    found.push_back(std::move(user));
    POSTERN_TRY(more, cursor.next());
  }
  return found;
}

}  // namespace postern::store
