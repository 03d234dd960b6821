// Permissions, roles, groups and licenses within a transaction.

#pragma once

#include "store/entity_record.hpp"
#include "store/mutation.hpp"
#include "store/names.hpp"

namespace postern::store {

[[nodiscard]] Status create_entity(Mutation& mutation, const Entity& entity);
/// True when something changed.
[[nodiscard]] Result<bool> update_entity(Mutation& mutation, EntityKind kind, std::string_view id,
                                         const EntityChange& change);
[[nodiscard]] Status delete_entity(Mutation& mutation, EntityKind kind, std::string_view id);

/// The record as people see it.
[[nodiscard]] Result<Entity> describe(const Transaction& transaction, Names& names, Handle handle,
                                      const EntityRecord& record);
/// Errors: not_found.
[[nodiscard]] Result<Entity> find_entity(const Transaction& transaction, EntityKind kind,
                                         std::string_view id);

/// Everything of a snapshot, compiled for reading. Errors: unavailable (a record does not decode).
[[nodiscard]] Result<policy::Catalog> compile_catalog(const Transaction& transaction);

}  // namespace postern::store
