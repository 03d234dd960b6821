#include "store/prune.hpp"

#include <set>

#include "store/audit.hpp"
#include "store/change.hpp"
#include "store/entities.hpp"
#include "store/tokens.hpp"
#include "store/users.hpp"

namespace postern::store {
namespace {

/// Ids by kind, as `ids` of the store holds them.
using Keys = std::set<std::string, std::less<>>;

Keys declared_keys(const Store::Declaration& declaration) {
  Keys keys;
  for (const Entity& entity : declaration.entities) keys.insert(id_key(entity.kind, entity.id));
  for (const User& user : declaration.users) keys.insert(user_id_key(user.id));
  return keys;
}

/// Asks for each reference of a declaration whether it will still lead somewhere.
class Closure {
 public:
  explicit Closure(const Store::Declaration& declaration) : keys_(declared_keys(declaration)) {}

  Status check(std::string_view who, EntityKind kind, const std::vector<std::string>& ids) const {
    for (const std::string& id : ids) {
      if (id.starts_with("postern.") || keys_.contains(id_key(kind, id))) continue;
      return missing(who, std::string(policy::to_string(kind)) + " " + id);
    }
    return {};
  }
  Status check(std::string_view who, const Assignments& assignments) const {
    POSTERN_TRY_STATUS(check(who, EntityKind::group, assignments.groups));
    POSTERN_TRY_STATUS(check(who, EntityKind::role, assignments.roles));
    POSTERN_TRY_STATUS(check(who, EntityKind::permission, assignments.permissions));
    POSTERN_TRY_STATUS(check(who, EntityKind::license, assignments.licenses));
    for (const ResourceGrant& grant : assignments.grants)
      POSTERN_TRY_STATUS(check(who, EntityKind::permission, {grant.permission}));
    return {};
  }
  Status check_owner(std::string_view who, const std::string& owner) const {
    if (owner.empty() || keys_.contains(user_id_key(owner))) return {};
    return missing(who, "user " + owner);
  }

 private:
  static Error missing(std::string_view who, const std::string& what) {
    return {ErrorKind::not_found,
            std::string(who) + ": " + what + " is not declared, and pruning would delete it"};
  }
  Keys keys_;
};

/// What lies in `ids` from `first` on, as long as keys begin with it, and is not declared.
Result<std::vector<std::string>> undeclared(const Transaction& transaction, std::string_view first,
                                            const Keys& declared) {
  std::vector<std::string> found;
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().ids));
  POSTERN_TRY(bool more, cursor.from(first));
  while (more && cursor.key().starts_with(first)) {
    if (!declared.contains(cursor.key())) found.emplace_back(cursor.key().substr(first.size()));
    POSTERN_TRY(more, cursor.next());
  }
  return found;
}

}  // namespace

Status check_closed(const Store::Declaration& declaration) {
  const Closure closure(declaration);
  for (const Entity& entity : declaration.entities)
    POSTERN_TRY_STATUS(closure.check("role " + entity.id, EntityKind::permission, entity.permissions));
  for (const User& user : declaration.users)
    POSTERN_TRY_STATUS(closure.check("user " + user.id, user.assignments));
  for (const TokenSpec& token : declaration.tokens) {
    const std::string who = "token " + (token.id.empty() ? token.name : token.id);
    POSTERN_TRY_STATUS(closure.check(who, token.assignments));
    POSTERN_TRY_STATUS(closure.check_owner(who, token.owner));
  }
  return {};
}

Result<std::string> id_by_secret(const Transaction& transaction, const SecretHash& hash) {
  POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().secrets, hash.view()));
  if (!bytes) return std::string();
  SecretRecord record;
  if (!decode(*bytes, record)) return corrupt("secret");
  return token_id_text(record.token);
}

Status prune_tokens(Mutation& mutation, const Store::Declaration& declaration,
                    std::vector<std::string>& deleted) {
  Transaction& transaction = mutation.transaction();
  std::set<TokenKey> declared;
  for (const TokenSpec& token : declaration.tokens) {
    std::string id = token.id;
    if (const auto hash = parse_hex(token.secret_sha256); id.empty() && hash) {
      POSTERN_TRY(id, id_by_secret(transaction, *hash));
    }
    if (const auto key = parse_token_id(id)) declared.insert(*key);
  }
  std::vector<std::string> gone;
  {
    POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().tokens));
    POSTERN_TRY(bool more, cursor.first());
    while (more) {
      const auto key = token_key(cursor.key());
      if (!key) return corrupt("key of a token");
      if (!declared.contains(*key)) gone.push_back(token_id_text(*key));
      POSTERN_TRY(more, cursor.next());
    }
  }
  for (std::string& id : gone) {
    POSTERN_TRY(const StoredToken stored, load_token(transaction, id));
    POSTERN_TRY_STATUS(erase_token(mutation, stored));
    POSTERN_TRY_STATUS(mutation.record("token.delete", id, change_of(&stored.token, nullptr)));
    deleted.push_back("token " + id);
  }
  return {};
}

Status prune_users(Mutation& mutation, const Store::Declaration& declaration,
                   std::vector<std::string>& deleted) {
  POSTERN_TRY(const auto gone,
              undeclared(mutation.transaction(), user_id_key(""), declared_keys(declaration)));
  for (const std::string& id : gone) {
    POSTERN_TRY_STATUS(delete_user(mutation, id));
    deleted.push_back("user " + id);
  }
  return {};
}

Status prune_entities(Mutation& mutation, const Store::Declaration& declaration,
                      std::vector<std::string>& deleted) {
  const Keys declared = declared_keys(declaration);
  for (const EntityKind kind :
       {EntityKind::license, EntityKind::group, EntityKind::role, EntityKind::permission}) {
    POSTERN_TRY(const auto gone, undeclared(mutation.transaction(), id_key(kind, ""), declared));
    for (const std::string& id : gone) {
      if (id.starts_with("postern.")) continue;  // reserved: there in every store
      POSTERN_TRY_STATUS(delete_entity(mutation, kind, id));
      deleted.push_back(std::string(policy::to_string(kind)) + " " + id);
    }
  }
  return {};
}

}  // namespace postern::store
