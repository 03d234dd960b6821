#include "store/names.hpp"

#include <algorithm>
#include <tuple>

#include "store/entity_record.hpp"
#include "store/subject_record.hpp"
#include "store/text.hpp"

namespace postern::store {
namespace {

bool grant_before(const ResourceGrant& a, const ResourceGrant& b) {
  return std::tie(a.permission, a.resource) < std::tie(b.permission, b.resource);
}
void sort_unique(std::vector<ResourceGrant>& grants) {
  std::sort(grants.begin(), grants.end(), grant_before);
  grants.erase(std::unique(grants.begin(), grants.end()), grants.end());
}
void sort_unique(std::vector<std::string>& ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

Result<Handle> look_up(const Transaction& transaction, const std::string& key, std::string_view what,
                       std::string_view id) {
  POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().ids, key));
  if (!bytes) return Error{ErrorKind::not_found, "there is no " + std::string(what) + " " + std::string(id)};
  const auto handle = handle_of_key(*bytes);
  if (!handle) return corrupt("id of " + std::string(what) + " " + std::string(id));
  return *handle;
}

Error too_many(std::string_view what, std::size_t most) {
  return {ErrorKind::invalid,
          "more than " + std::to_string(most) + " " + std::string(what) + " held directly"};
}

Status to_handles(const Transaction& transaction, EntityKind kind, const std::vector<std::string>& ids,
                  HandleList& list) {
  std::vector<Handle> handles;
  for (const std::string& id : ids) {
    POSTERN_TRY(const Handle handle, handle_of(transaction, kind, id));
    handles.push_back(handle);
  }
  std::sort(handles.begin(), handles.end());
  handles.erase(std::unique(handles.begin(), handles.end()), handles.end());
  for (const Handle handle : handles)
    if (!list.add(handle))
      return too_many(std::string(policy::to_string(kind)) + "s", limits::handles_per_subject_max);
  return {};
}

Status check_license(const Transaction& transaction, Handle handle) {
  POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().licenses, handle_key(handle).view()));
  EntityRecord record;
  if (!bytes || !decode(*bytes, record)) return corrupt("license " + std::to_string(handle));
  if (record.license_kind == LicenseKind::subject) return {};
  return Error{ErrorKind::usage, "license " + std::string(record.id) +
                                     " belongs to the whole application and is not given to users or tokens"};
}

Status to_grants(const Transaction& transaction, const std::vector<ResourceGrant>& grants, Rights& rights) {
  std::vector<policy::Grant> found;
  for (const ResourceGrant& grant : grants) {
    if (grant.resource.empty()) return Error{ErrorKind::invalid, "a grant names no resource"};
    POSTERN_TRY_STATUS(check_text("resource", grant.resource, limits::resource_bytes_max));
    POSTERN_TRY(const Handle permission, handle_of(transaction, EntityKind::permission, grant.permission));
    found.push_back({permission, grant.resource});
  }
  const auto order = [](const policy::Grant& grant) { return std::tie(grant.permission, grant.resource); };
  std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  found.erase(std::unique(found.begin(), found.end(),
                          [&](const auto& a, const auto& b) { return order(a) == order(b); }),
              found.end());
  for (const policy::Grant& grant : found)
    if (!rights.grants.add(grant)) return too_many("resource grants", limits::grants_per_subject_max);
  return {};
}

}  // namespace

Result<Handle> handle_of(const Transaction& transaction, EntityKind kind, std::string_view id) {
  // A text that cannot be an id is not looked up: LMDB refuses keys that are too long.
  if (!entity_id_flaw(id).empty())
    return Error{ErrorKind::not_found, "there is no " + std::string(policy::to_string(kind)) + " of that id"};
  return look_up(transaction, id_key(kind, id), policy::to_string(kind), id);
}

Result<Handle> user_handle_of(const Transaction& transaction, std::string_view id) {
  if (!user_id_flaw(id).empty()) return Error{ErrorKind::not_found, "there is no user of that id"};
  return look_up(transaction, user_id_key(id), "user", id);
}

Status to_rights(const Transaction& transaction, const Assignments& assignments, Rights& rights) {
  rights.clear();
  POSTERN_TRY_STATUS(to_handles(transaction, EntityKind::group, assignments.groups, rights.groups));
  POSTERN_TRY_STATUS(to_handles(transaction, EntityKind::role, assignments.roles, rights.roles));
  POSTERN_TRY_STATUS(
      to_handles(transaction, EntityKind::permission, assignments.permissions, rights.permissions));
  POSTERN_TRY_STATUS(to_handles(transaction, EntityKind::license, assignments.licenses, rights.licenses));
  for (const Handle license : rights.licenses.items())
    POSTERN_TRY_STATUS(check_license(transaction, license));
  return to_grants(transaction, assignments.grants, rights);
}

Result<std::string> Names::id(EntityKind kind, Handle handle) {
  const Reference reference = {kind, handle};
  if (const auto known = known_.find(reference); known != known_.end()) return known->second;
  POSTERN_TRY(const auto bytes,
              transaction_.get(transaction_.databases().entities(kind), handle_key(handle).view()));
  EntityRecord record;
  if (bytes && !decode(*bytes, record))
    return corrupt(std::string(policy::to_string(kind)) + " " + std::to_string(handle));
  return known_.emplace(reference, record.id).first->second;
}

Result<std::string> Names::user_id(Handle handle) {
  if (const auto known = known_users_.find(handle); known != known_users_.end()) return known->second;
  POSTERN_TRY(const auto bytes, transaction_.get(transaction_.databases().users, handle_key(handle).view()));
  UserRecord record;
  if (!bytes || !decode(*bytes, record)) return corrupt("user " + std::to_string(handle));
  return known_users_.emplace(handle, record.id).first->second;
}

Result<std::vector<std::string>> Names::ids(EntityKind kind, std::span<const Handle> handles) {
  std::vector<std::string> found;
  for (const Handle handle : handles) {
    POSTERN_TRY(std::string id, this->id(kind, handle));
    if (!id.empty()) found.push_back(std::move(id));
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<Assignments> Names::assignments(const Rights& rights) {
  Assignments found;
  POSTERN_TRY(found.groups, ids(EntityKind::group, rights.groups.items()));
  POSTERN_TRY(found.roles, ids(EntityKind::role, rights.roles.items()));
  POSTERN_TRY(found.permissions, ids(EntityKind::permission, rights.permissions.items()));
  POSTERN_TRY(found.licenses, ids(EntityKind::license, rights.licenses.items()));
  for (const policy::Grant& grant : rights.grants.items()) {
    POSTERN_TRY(std::string permission, id(EntityKind::permission, grant.permission));
    if (!permission.empty()) found.grants.push_back({std::move(permission), std::string(grant.resource)});
  }
  sort_unique(found.grants);
  return found;
}

Status change_ids(const Transaction& transaction, EntityKind kind,
                  const std::optional<std::vector<std::string>>& set, const std::vector<std::string>& add,
                  const std::vector<std::string>& remove, std::vector<std::string>& ids) {
  if (set) ids = *set;
  ids.insert(ids.end(), add.begin(), add.end());
  for (const std::string& id : remove) {
    // Looked up, so that a slip of the finger does not pass for "taken away".
    POSTERN_TRY([[maybe_unused]] const Handle handle, handle_of(transaction, kind, id));
    std::erase(ids, id);
  }
  sort_unique(ids);
  return {};
}

Status change_assignments(const Transaction& transaction, const AssignmentChange& change,
                          Assignments& assignments) {
  POSTERN_TRY_STATUS(change_ids(transaction, EntityKind::group, change.set_groups, change.add.groups,
                                change.remove.groups, assignments.groups));
  POSTERN_TRY_STATUS(change_ids(transaction, EntityKind::role, change.set_roles, change.add.roles,
                                change.remove.roles, assignments.roles));
  POSTERN_TRY_STATUS(change_ids(transaction, EntityKind::permission, change.set_permissions,
                                change.add.permissions, change.remove.permissions, assignments.permissions));
  POSTERN_TRY_STATUS(change_ids(transaction, EntityKind::license, change.set_licenses, change.add.licenses,
                                change.remove.licenses, assignments.licenses));
  if (change.set_grants) assignments.grants = *change.set_grants;
  assignments.grants.insert(assignments.grants.end(), change.add.grants.begin(), change.add.grants.end());
  for (const ResourceGrant& grant : change.remove.grants) {
    POSTERN_TRY([[maybe_unused]] const Handle handle,
                handle_of(transaction, EntityKind::permission, grant.permission));
    std::erase(assignments.grants, grant);
  }
  sort_unique(assignments.grants);
  return {};
}

}  // namespace postern::store
