// A store as a file would declare it.

#include "store/audit.hpp"
#include "store/entities.hpp"
#include "store/impl.hpp"
#include "store/tokens.hpp"
#include "store/users.hpp"

namespace postern::store {
namespace {

Status add_entities(const Transaction& transaction, Names& names, EntityKind kind,
                    Store::Declaration& declaration) {
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().ids));
  const std::string prefix = id_key(kind, "");
  POSTERN_TRY(bool more, cursor.from(prefix));
  while (more && cursor.key().starts_with(prefix)) {
    const auto handle = handle_of_key(cursor.value());
    if (!handle) return corrupt("ids");
    POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().entities(kind), cursor.value()));
    EntityRecord record;
    if (!bytes || !decode(*bytes, record)) return corrupt(std::string(cursor.key().substr(1)));
    POSTERN_TRY(Entity entity, describe(transaction, names, *handle, record));
    declaration.entities.push_back(std::move(entity));
    POSTERN_TRY(more, cursor.next());
  }
  return {};
}

Status add_users(const Transaction& transaction, Names& names, Store::Declaration& declaration) {
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().ids));
  const std::string prefix = user_id_key("");
  POSTERN_TRY(bool more, cursor.from(prefix));
  while (more && cursor.key().starts_with(prefix)) {
    POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().users, cursor.value()));
    UserRecord record;
    if (!bytes || !decode(*bytes, record)) return corrupt("user " + std::string(cursor.key().substr(1)));
    POSTERN_TRY(User user, describe(names, record));
    declaration.users.push_back(std::move(user));
    POSTERN_TRY(more, cursor.next());
  }
  return {};
}

TokenSpec declared_token(StoredToken stored) {
  TokenSpec spec;
  spec.id = std::move(stored.token.id);
  spec.name = std::move(stored.token.name);
  spec.description = std::move(stored.token.description);
  spec.not_before = stored.token.not_before;
  spec.expires = stored.token.expires;
  spec.enabled = stored.token.enabled;
  spec.canary = stored.token.canary;
  spec.owner = std::move(stored.token.owner);
  spec.networks = std::move(stored.token.networks);
  spec.assignments = std::move(stored.token.assignments);
  spec.secret_sha256 = to_hex(stored.hash);
  return spec;
}

Status add_tokens(const Transaction& transaction, Names& names, Store::Declaration& declaration) {
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().tokens));
  POSTERN_TRY(bool more, cursor.first());
  while (more) {
    const auto key = token_key(cursor.key());
    if (!key) return corrupt("key of a token");
    POSTERN_TRY(StoredToken stored, load_token(transaction, names, *key, cursor.value()));
    declaration.tokens.push_back(declared_token(std::move(stored)));
    POSTERN_TRY(more, cursor.next());
  }
  return {};
}

}  // namespace

Result<Store::Declaration> Store::declaration() const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  Names names(transaction);
  Declaration declaration;
  for (const EntityKind kind :
       {EntityKind::permission, EntityKind::role, EntityKind::group, EntityKind::license})
    POSTERN_TRY_STATUS(add_entities(transaction, names, kind, declaration));
  POSTERN_TRY_STATUS(add_users(transaction, names, declaration));
  POSTERN_TRY_STATUS(add_tokens(transaction, names, declaration));
  return declaration;
}

}  // namespace postern::store
