#include "policy/subject.hpp"

#include <algorithm>

#include "conf/result.hpp"

namespace postern::policy {
namespace {

constexpr std::size_t table_of(EntityKind kind) noexcept {
  return static_cast<std::size_t>(kind) - 1;
}

bool contains(std::span<const Handle> ascending, Handle handle) noexcept {
  return std::binary_search(ascending.begin(), ascending.end(), handle);
}

}  // namespace

std::string_view to_string(EntityKind kind) noexcept {
  switch (kind) {
    case EntityKind::permission:
      return "permission";
    case EntityKind::role:
      return "role";
    case EntityKind::group:
      return "group";
    case EntityKind::license:
      return "license";
  }
  return "unknown";
}

std::string_view to_string(SubjectType type) noexcept {
  switch (type) {
    case SubjectType::anonymous:
      return "anonymous";
    case SubjectType::token:
      return "token";
    case SubjectType::user:
      return "user";
  }
  return "unknown";
}

void Catalog::insert(EntityKind kind, Handle handle, Entity entity) {
  POSTERN_CHECK(handle != no_handle && !entity.id.empty());
  Table& table = tables_[table_of(kind)];
  if (handle >= table.by_handle.size()) table.by_handle.resize(handle + std::size_t{1});
  Entity& place = table.by_handle[handle];
  if (!place.id.empty()) table.by_id.erase(place.id);
  place = std::move(entity);
  table.by_id.insert_or_assign(place.id, handle);
}

Handle Catalog::handle(EntityKind kind, std::string_view id) const noexcept {
  const Table& table = tables_[table_of(kind)];
  const auto found = table.by_id.find(id);
  return found == table.by_id.end() ? no_handle : found->second;
}

const Catalog::Entity* Catalog::find(EntityKind kind, Handle handle) const noexcept {
  const Table& table = tables_[table_of(kind)];
  if (handle >= table.by_handle.size() || table.by_handle[handle].id.empty()) return nullptr;
  return &table.by_handle[handle];
}

Handle Catalog::next_handle(EntityKind kind) const noexcept {
  const auto next = static_cast<Handle>(tables_[table_of(kind)].by_handle.size());
  return next == no_handle ? next + 1 : next;
}

std::vector<std::string_view> Catalog::ids(EntityKind kind) const {
  std::vector<std::string_view> ids;
  for (const auto& [id, handle] : tables_[table_of(kind)].by_id) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Every question below first asks the catalog whether the thing still exists: what was deleted is swept out
// of users and tokens later, and until then must not be held by anyone.

bool Subject::holds_permission(Handle permission) const noexcept {
  if (catalog == nullptr || catalog->find(EntityKind::permission, permission) == nullptr) return false;
  if (contains(permissions, permission)) return true;
  return std::any_of(roles.begin(), roles.end(), [&](Handle role) {
    const Catalog::Entity* entity = catalog->find(EntityKind::role, role);
    return entity != nullptr && entity->permissions.contains(permission);
  });
}

bool Subject::holds_grant(Handle permission, std::string_view resource) const noexcept {
  if (catalog == nullptr || catalog->find(EntityKind::permission, permission) == nullptr) return false;
  return std::any_of(grants.begin(), grants.end(), [&](const Grant& grant) {
    return grant.permission == permission && grant.resource == resource;
  });
}

bool Subject::holds_role(Handle role) const noexcept {
  return catalog != nullptr && catalog->find(EntityKind::role, role) != nullptr && contains(roles, role);
}

bool Subject::holds_group(Handle group) const noexcept {
  return catalog != nullptr && catalog->find(EntityKind::group, group) != nullptr && contains(groups, group);
}

bool Subject::holds_license(Handle license) const noexcept {
  if (catalog == nullptr) return false;
  const Catalog::Entity* entity = catalog->find(EntityKind::license, license);
  return entity != nullptr && entity->license_kind == LicenseKind::subject && entity->enabled &&
         contains(licenses, license);
}

}  // namespace postern::policy
