#include "store/entities.hpp"

#include <algorithm>
#include <iterator>

#include "conf/limits.hpp"
#include "store/change.hpp"
#include "store/impl.hpp"
#include "store/text.hpp"

namespace postern::store {
namespace {

std::string named(EntityKind kind, std::string_view id) {
  return std::string(policy::to_string(kind)) + " " + std::string(id);
}

std::uint64_t handle_end(EntityKind kind) noexcept {
  return kind == EntityKind::role ? limits::roles_max : limits::entities_max;
}

/// What does not depend on the rest of the store.
Status check_entity(const Entity& entity) {
  if (const std::string_view flaw = entity_id_flaw(entity.id); !flaw.empty())
    return Error{ErrorKind::invalid, std::string(flaw)};
  POSTERN_TRY_STATUS(check_text("name", entity.name, limits::name_bytes_max));
  POSTERN_TRY_STATUS(check_text("description", entity.description, limits::description_bytes_max));
  POSTERN_TRY_STATUS(check_text("url", entity.url, limits::description_bytes_max));
  if (entity.kind != EntityKind::role && !entity.permissions.empty())
    return Error{ErrorKind::usage, "only a role has permissions"};
  const bool is_license = entity.kind == EntityKind::license;
  if (!is_license && (!entity.url.empty() || entity.max_subjects != 0 || !entity.enabled))
    return Error{ErrorKind::usage, "only a license has a url, seats, or can be disabled"};
  if (is_license && entity.license_kind == LicenseKind::application && entity.max_subjects != 0)
    return Error{ErrorKind::usage, "an application license has no seats: nobody holds it"};
  return {};
}

Result<std::vector<Handle>> permission_handles(const Transaction& transaction,
                                               const std::vector<std::string>& ids) {
  std::vector<Handle> handles;
  for (const std::string& id : ids) {
    POSTERN_TRY(const Handle handle, handle_of(transaction, EntityKind::permission, id));
    handles.push_back(handle);
  }
  std::sort(handles.begin(), handles.end());
  handles.erase(std::unique(handles.begin(), handles.end()), handles.end());
  if (handles.size() > limits::permissions_per_role_max)
    return Error{ErrorKind::invalid, "more than " + std::to_string(limits::permissions_per_role_max) +
                                         " permissions in one role"};
  return handles;
}

/// Writes a record, and for a role the index of who holds which permission. `before` are the permissions it
/// had.
Status write_entity(Mutation& mutation, Handle handle, const Entity& entity,
                    const std::vector<Handle>& before, std::string_view extensions) {
  POSTERN_TRY(const std::vector<Handle> after,
              permission_handles(mutation.transaction(), entity.permissions));
  EntityRecord record;
  record.kind = entity.kind;
  record.id = entity.id;
  record.name = entity.name;
  record.description = entity.description;
  record.reserved = entity.reserved;
  record.permissions = after;
  record.license_kind = entity.license_kind;
  record.enabled = entity.enabled;
  record.max_subjects = entity.max_subjects;
  record.url = entity.url;
  record.extensions = extensions;
  // Encoded before the put: the extensions may still lie in the page that it overwrites.
  const std::string bytes = encode(record);
  const auto key = handle_key(handle);
  POSTERN_TRY_STATUS(
      mutation.transaction().put(mutation.databases().entities(entity.kind), key.view(), bytes));

  std::vector<Handle> gone, added;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(gone));
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(added));
  const MDB_dbi holders = mutation.databases().role_holders;
  for (const Handle permission : gone)
    POSTERN_TRY_STATUS(mutation.transaction().erase(holders, handle_key(permission).view(), key.view()));
  for (const Handle permission : added)
    POSTERN_TRY_STATUS(mutation.transaction().put(holders, handle_key(permission).view(), key.view()));
  mutation.touch_catalog();
  return {};
}

Status check_seats(const Transaction& transaction, Handle handle, const Entity& before, const Entity& after) {
  if (after.max_subjects == before.max_subjects || after.max_subjects == 0) return {};
  POSTERN_TRY(const std::uint64_t taken, seats_taken(transaction, handle));
  if (taken <= after.max_subjects) return {};
  return Error{ErrorKind::conflict, "license " + after.id + ": " + std::to_string(taken) +
                                        " seats are in use, so that there cannot be only " +
                                        std::to_string(after.max_subjects)};
}

Result<EntityRecord> read_record(const Transaction& transaction, EntityKind kind, Handle handle) {
  POSTERN_TRY(const auto bytes,
              transaction.get(transaction.databases().entities(kind), handle_key(handle).view()));
  EntityRecord record;
  if (!bytes || !decode(*bytes, record))
    return corrupt(std::string(policy::to_string(kind)) + " " + std::to_string(handle));
  return record;
}

}  // namespace

Status create_entity(Mutation& mutation, const Entity& given) {
  POSTERN_TRY_STATUS(check_entity(given));
  if (given.id.starts_with("postern."))
    return Error{ErrorKind::invalid, "ids that begin with \"postern.\" are reserved"};
  Transaction& transaction = mutation.transaction();
  const std::string key = id_key(given.kind, given.id);
  POSTERN_TRY(const auto existing, transaction.get(mutation.databases().ids, key));
  if (existing) return Error{ErrorKind::conflict, named(given.kind, given.id) + " exists already"};

  Entity entity = given;
  entity.reserved = false;
  POSTERN_TRY_STATUS(
      change_ids(transaction, EntityKind::permission, {}, {}, {}, entity.permissions));  // sorts
  POSTERN_TRY(const Handle handle,
              mutation.next_handle(meta_key::next_entity(entity.kind), handle_end(entity.kind)));
  POSTERN_TRY_STATUS(transaction.put(mutation.databases().ids, key, handle_key(handle).view()));
  POSTERN_TRY_STATUS(write_entity(mutation, handle, entity, {}, {}));
  return mutation.record(std::string(policy::to_string(entity.kind)) + ".create", entity.id,
                         change_of(nullptr, &entity));
}

Result<bool> update_entity(Mutation& mutation, EntityKind kind, std::string_view id,
                           const EntityChange& change) {
  Transaction& transaction = mutation.transaction();
  POSTERN_TRY(const Handle handle, handle_of(transaction, kind, id));
  POSTERN_TRY(const EntityRecord record, read_record(transaction, kind, handle));
  const std::vector<Handle> permissions = record.permissions;
  const std::string extensions(record.extensions);
  Names names(transaction);
  POSTERN_TRY(const Entity before, describe(transaction, names, handle, record));

  Entity after = before;
  if (change.name) after.name = *change.name;
  if (change.description) after.description = *change.description;
  if (change.url) after.url = *change.url;
  if (change.enabled) after.enabled = *change.enabled;
  if (change.max_subjects) after.max_subjects = *change.max_subjects;
  POSTERN_TRY_STATUS(change_ids(transaction, EntityKind::permission, change.permissions,
                                change.add_permissions, change.remove_permissions, after.permissions));
  POSTERN_TRY_STATUS(check_entity(after));
  POSTERN_TRY_STATUS(check_seats(transaction, handle, before, after));

  const bool same = after.name == before.name && after.description == before.description &&
                    after.url == before.url && after.enabled == before.enabled &&
                    after.max_subjects == before.max_subjects && after.permissions == before.permissions;
  if (same) return false;
  POSTERN_TRY_STATUS(write_entity(mutation, handle, after, permissions, extensions));
  POSTERN_TRY_STATUS(
      mutation.record(std::string(policy::to_string(kind)) + ".update", id, change_of(&before, &after)));
  return true;
}

Status delete_entity(Mutation& mutation, EntityKind kind, std::string_view id) {
  Transaction& transaction = mutation.transaction();
  POSTERN_TRY(const Handle handle, handle_of(transaction, kind, id));
  POSTERN_TRY(const EntityRecord record, read_record(transaction, kind, handle));
  if (record.reserved)
    return Error{ErrorKind::conflict, named(kind, id) + " is reserved and cannot be deleted"};
  const std::vector<Handle> permissions = record.permissions;
  Names names(transaction);
  POSTERN_TRY(const Entity before, describe(transaction, names, handle, record));

  const auto key = handle_key(handle);
  POSTERN_TRY_STATUS(transaction.erase(mutation.databases().entities(kind), key.view()));
  POSTERN_TRY_STATUS(transaction.erase(mutation.databases().ids, id_key(kind, id)));
  for (const Handle permission : permissions)
    POSTERN_TRY_STATUS(
        transaction.erase(mutation.databases().role_holders, handle_key(permission).view(), key.view()));
  // From here on the handle means nothing. What still refers to it is found through the indexes, later.
  POSTERN_TRY_STATUS(transaction.put(mutation.databases().sweeps, reference_key({kind, handle}).view(), {}));
  mutation.touch_catalog();
  return mutation.record(std::string(policy::to_string(kind)) + ".delete", id, change_of(&before, nullptr));
}

Result<Entity> describe(const Transaction& transaction, Names& names, Handle handle,
                        const EntityRecord& record) {
  Entity entity;
  entity.kind = record.kind;
  entity.id = record.id;
  entity.name = record.name;
  entity.description = record.description;
  entity.license_kind = record.license_kind;
  entity.url = record.url;
  entity.enabled = record.enabled;
  entity.max_subjects = record.max_subjects;
  entity.reserved = record.reserved;
  POSTERN_TRY(entity.permissions, names.ids(EntityKind::permission, record.permissions));
  if (entity.kind == EntityKind::license && entity.license_kind == LicenseKind::subject) {
    POSTERN_TRY(const std::uint64_t taken, seats_taken(transaction, handle));
    entity.subjects = static_cast<std::uint32_t>(taken);
  }
  return entity;
}

Result<Entity> find_entity(const Transaction& transaction, EntityKind kind, std::string_view id) {
  POSTERN_TRY(const Handle handle, handle_of(transaction, kind, id));
  POSTERN_TRY(const EntityRecord record, read_record(transaction, kind, handle));
  Names names(transaction);
  return describe(transaction, names, handle, record);
}

Status Store::create_entity(const Actor& actor, const Entity& entity) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  POSTERN_TRY_STATUS(store::create_entity(mutation, entity));
  return mutation.finish();
}

Status Store::update_entity(const Actor& actor, EntityKind kind, std::string_view id,
                            const EntityChange& change) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  POSTERN_TRY([[maybe_unused]] const bool changed, store::update_entity(mutation, kind, id, change));
  return mutation.finish();
}

Status Store::delete_entity(const Actor& actor, EntityKind kind, std::string_view id) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  POSTERN_TRY_STATUS(store::delete_entity(mutation, kind, id));
  return mutation.finish();
}

Result<Entity> Store::entity(EntityKind kind, std::string_view id) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  return find_entity(transaction, kind, id);
}

Result<std::vector<Entity>> Store::entities(EntityKind kind) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().ids));
  Names names(transaction);
  std::vector<Entity> found;
  const std::string prefix = id_key(kind, "");
  POSTERN_TRY(bool more, cursor.from(prefix));
  while (more && cursor.key().starts_with(prefix)) {
    const auto handle = handle_of_key(cursor.value());
    if (!handle) return corrupt("ids");
    POSTERN_TRY(const EntityRecord record, read_record(transaction, kind, *handle));
    POSTERN_TRY(Entity entity, describe(transaction, names, *handle, record));
    found.push_back(std::move(entity));
    POSTERN_TRY(more, cursor.next());
  }
  return found;
}

Result<policy::Catalog> Store::catalog() const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  return compile_catalog(transaction);
}

}  // namespace postern::store
