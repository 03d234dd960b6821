#include "store/entities.hpp"

namespace postern::store {
namespace {

Status insert_all(const Transaction& transaction, EntityKind kind, policy::Catalog& catalog) {
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().entities(kind)));
  EntityRecord record;
  POSTERN_TRY(bool more, cursor.first());
  while (more) {
    const auto handle = handle_of_key(cursor.key());
    if (!handle || !decode(cursor.value(), record) || record.kind != kind)
      return corrupt(std::string(policy::to_string(kind)) + " in the catalog");
    policy::Catalog::Entity entity;
    entity.id = record.id;
    entity.name = record.name;
    entity.license_kind = record.license_kind;
    entity.enabled = record.enabled;
    for (const Handle permission : record.permissions) {
      // A deleted permission may stay in a role's record for a while; here it is gone at once.
      if (catalog.find(EntityKind::permission, permission) != nullptr) entity.permissions.insert(permission);
    }
    catalog.insert(kind, *handle, std::move(entity));
    POSTERN_TRY(more, cursor.next());
  }
  return {};
}

}  // namespace

Result<policy::Catalog> compile_catalog(const Transaction& transaction) {
  policy::Catalog catalog;
  POSTERN_TRY(catalog.version, transaction.number(meta_key::catalog_version));
  // Permissions first: roles are checked against them.
  for (const EntityKind kind : entity_kinds) POSTERN_TRY_STATUS(insert_all(transaction, kind, catalog));
  return catalog;
}

}  // namespace postern::store
