// Deleting a role takes one small write, however many hold it: the record goes, and its handle means nothing
// from then on. What still carries the handle is found through the indexes and rewritten here, a bounded
// number with each mutation.

#include <algorithm>

#include "conf/limits.hpp"
#include "store/entity_record.hpp"
#include "store/mutation.hpp"
#include "store/subject_record.hpp"

namespace postern::store {
namespace {

// A record that does not decode is left as it is, for verify() to name: it must not stop every later
// mutation.

Status sweep_token(Mutation& mutation, std::string_view key, const Reference& reference) {
  Transaction& transaction = mutation.transaction();
  POSTERN_TRY(const auto token_bytes, transaction.get(mutation.databases().tokens, key));
  TokenRecord detail;
  if (!token_bytes || !decode(*token_bytes, detail)) return {};
  POSTERN_TRY(const auto bytes, transaction.get(mutation.databases().secrets, detail.hash.view()));
  SecretRecord record;
  if (!bytes || !decode(*bytes, record)) return {};
  record.rights.erase(reference);
  return transaction.put(mutation.databases().secrets, detail.hash.view(), encode(record));
}

Status sweep_user(Mutation& mutation, std::string_view key, const Reference& reference) {
  POSTERN_TRY(const auto bytes, mutation.transaction().get(mutation.databases().users, key));
  UserRecord record;
  if (!bytes || !decode(*bytes, record)) return {};
  record.rights.erase(reference);
  return mutation.transaction().put(mutation.databases().users, key, encode(record));
}

/// Roles are compiled without deleted permissions, so that no catalog changes by this.
Status sweep_role(Mutation& mutation, std::string_view key, const Reference& reference) {
  POSTERN_TRY(const auto bytes, mutation.transaction().get(mutation.databases().roles, key));
  EntityRecord record;
  if (!bytes || !decode(*bytes, record)) return {};
  std::erase(record.permissions, reference.handle);
  return mutation.transaction().put(mutation.databases().roles, key, encode(record));
}

using SweepOne = Status (*)(Mutation&, std::string_view key, const Reference&);

/// Rewrites holders found in one index until there are none or `budget` is used up.
Status sweep_index(Mutation& mutation, MDB_dbi index, std::string_view index_key, const Reference& reference,
                   SweepOne sweep_one, std::size_t& budget) {
  for (; budget > 0; --budget) {
    std::string holder;
    {
      POSTERN_TRY(Cursor cursor, mutation.transaction().cursor(index));
      POSTERN_TRY(const bool found, cursor.at(index_key));
      if (!found) return {};
      holder = cursor.value();
    }
    POSTERN_TRY_STATUS(sweep_one(mutation, holder, reference));
    POSTERN_TRY_STATUS(mutation.transaction().erase(index, index_key, holder));
  }
  return {};
}

Status sweep_reference(Mutation& mutation, const Reference& reference, std::size_t& budget) {
  const Databases& databases = mutation.databases();
  const auto key = reference_key(reference);
  POSTERN_TRY_STATUS(
      sweep_index(mutation, databases.user_holders, key.view(), reference, sweep_user, budget));
  POSTERN_TRY_STATUS(
      sweep_index(mutation, databases.token_holders, key.view(), reference, sweep_token, budget));
  if (reference.kind == EntityKind::permission) {
    const auto permission = handle_key(reference.handle);
    POSTERN_TRY_STATUS(
        sweep_index(mutation, databases.role_holders, permission.view(), reference, sweep_role, budget));
  }
  if (budget == 0) return {};  // perhaps not done
  return mutation.transaction().erase(databases.sweeps, key.view());
}

}  // namespace

Status sweep(Mutation& mutation) {
  for (std::size_t budget = limits::sweep_records_max; budget > 0;) {
    Reference reference;
    {
      POSTERN_TRY(Cursor cursor, mutation.transaction().cursor(mutation.databases().sweeps));
      POSTERN_TRY(const bool found, cursor.first());
      if (!found) return {};
      const auto read = reference_of_key(cursor.key());
      if (!read) return corrupt("list of deleted entities");
      reference = *read;
    }
    POSTERN_TRY_STATUS(sweep_reference(mutation, reference, budget));
  }
  return {};
}

}  // namespace postern::store
