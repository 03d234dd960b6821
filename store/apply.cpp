// Declared catalogs: what a file says shall be, carried out as one transaction. Nothing is deleted unless it
// is pruned, and nothing that was taken out of use is put back: licenses keep `enabled` and their seats; a
// disabled user or token stays disabled; a secret that was rotated away stays rotated. Otherwise a restart,
// which applies the same file again, would undo a revocation. Where the file is the only source, it is the
// only one that can say what is in use.

#include "conf/limits.hpp"
#include "store/audit.hpp"
#include "store/change.hpp"
#include "store/entities.hpp"
#include "store/impl.hpp"
#include "store/prune.hpp"
#include "store/secret.hpp"
#include "store/text.hpp"
#include "store/tokens.hpp"
#include "store/users.hpp"

namespace postern::store {
namespace {

enum class Outcome { created, updated, unchanged };

Outcome updated_if(bool changed) noexcept {
  return changed ? Outcome::updated : Outcome::unchanged;
}

Result<Outcome> apply_entity(Mutation& mutation, const Entity& declared, bool only_source) {
  const Result<Entity> existing = find_entity(mutation.transaction(), declared.kind, declared.id);
  if (!existing && existing.error().kind != ErrorKind::not_found) return existing.error();
  if (!existing) {
    POSTERN_TRY_STATUS(create_entity(mutation, declared));
    return Outcome::created;
  }
  if (declared.kind == EntityKind::license && existing->license_kind != declared.license_kind)
    return Error{ErrorKind::conflict, "it exists as a license of the other kind (subject or application)"};
  EntityChange change;
  change.name = declared.name;
  change.description = declared.description;
  change.url = declared.url;
  change.permissions = declared.permissions;
  bool fewer_seats = false;
  if (only_source && declared.kind == EntityKind::license) {
    change.enabled = declared.enabled;
    fewer_seats = declared.max_subjects != 0 &&
                  (existing->max_subjects == 0 || declared.max_subjects < existing->max_subjects);
    if (!fewer_seats) change.max_subjects = declared.max_subjects;
  }
  POSTERN_TRY(const bool changed, update_entity(mutation, declared.kind, declared.id, change));
  return updated_if(changed || fewer_seats);
}

/// Seats that become fewer, once nobody holds those that go.
Status take_seats(Mutation& mutation, const Store::Declaration& declaration) {
  for (const Entity& entity : declaration.entities) {
    if (entity.kind != EntityKind::license) continue;
    EntityChange change;
    change.max_subjects = entity.max_subjects;
    if (const auto taken = update_entity(mutation, entity.kind, entity.id, change); !taken)
      return taken.error().within("license " + entity.id);
  }
  return {};
}

Result<Outcome> apply_user(Mutation& mutation, const User& declared, bool only_source) {
  const Result<User> existing = find_user(mutation.transaction(), declared.id);
  if (!existing && existing.error().kind != ErrorKind::not_found) return existing.error();
  if (!existing) {
    POSTERN_TRY_STATUS(create_user(mutation, declared));
    return Outcome::created;
  }
  UserChange change;
  change.name = declared.name;
  change.email = declared.email;
  if (only_source || existing->status != UserStatus::disabled) {
    change.status = declared.status;
    change.enabled_until = declared.enabled_until;
  }
  change.assignments.set_groups = declared.assignments.groups;
  change.assignments.set_roles = declared.assignments.roles;
  change.assignments.set_permissions = declared.assignments.permissions;
  change.assignments.set_licenses = declared.assignments.licenses;
  change.assignments.set_grants = declared.assignments.grants;
  POSTERN_TRY(const bool changed, update_user(mutation, declared.id, change));
  return updated_if(changed);
}

Result<Outcome> update_token(Mutation& mutation, const TokenSpec& declared, const SecretHash& hash,
                             const StoredToken& stored, bool only_source) {
  POSTERN_TRY(const bool was_rotated_away, was_rotated(mutation.transaction(), stored.key, hash));
  const bool another_secret = stored.hash != hash && !was_rotated_away;
  const bool may_be_enabled =
      stored.token.enabled || (only_source && (!stored.token.reuse_seen || another_secret));
  Token after = stored.token;
  after.name = declared.name;
  after.description = declared.description;
  after.not_before = declared.not_before;
  after.expires = declared.expires;
  after.enabled = may_be_enabled && declared.enabled;
  after.reuse_seen = stored.token.reuse_seen && !after.enabled;
  after.canary = declared.canary;
  after.owner = declared.owner;
  after.networks = declared.networks;
  after.assignments = declared.assignments;
  POSTERN_TRY_STATUS(change_assignments(mutation.transaction(), {}, after.assignments));  // sorts

  if (another_secret) {
    after.imported = true;
    after.rotated = mutation.now();
    POSTERN_TRY_STATUS(replace_secret(mutation, stored, after, hash, 0));
    POSTERN_TRY_STATUS(mutation.record("token.rotate", stored.token.id, change_of(&stored.token, &after)));
    return Outcome::updated;
  }
  if (after == stored.token) return Outcome::unchanged;
  POSTERN_TRY_STATUS(rewrite_token(mutation, stored, after));
  POSTERN_TRY_STATUS(mutation.record("token.update", stored.token.id, change_of(&stored.token, &after)));
  return Outcome::updated;
}

struct AppliedToken {
  Outcome outcome = Outcome::unchanged;
  std::string id;
};

Result<AppliedToken> apply_token(Mutation& mutation, TokenSpec declared, std::string_view token_prefix,
                                 bool only_source) {
  const auto hash = parse_hex(declared.secret_sha256);
  if (!hash || !declared.secret.empty()) {
    wipe(declared.secret);
    return Error{ErrorKind::invalid, "a declared token is given by secret_sha256, 64 hexadecimal digits"};
  }
  POSTERN_TRY(const std::string by_secret, id_by_secret(mutation.transaction(), *hash));
  if (!by_secret.empty() && !declared.id.empty() && by_secret != declared.id)
    return Error{ErrorKind::conflict, "its secret is, or was, that of " + by_secret};
  const std::string id = declared.id.empty() ? by_secret : declared.id;
  if (!id.empty()) {
    const Result<StoredToken> stored = load_token(mutation.transaction(), id);
    if (!stored && stored.error().kind != ErrorKind::not_found) return stored.error();
    if (stored) {
      POSTERN_TRY(const Outcome outcome, update_token(mutation, declared, *hash, *stored, only_source));
      return AppliedToken{outcome, id};
    }
  }
  POSTERN_TRY(const CreatedToken created, add_token(mutation, declared, token_prefix));
  POSTERN_TRY_STATUS(mutation.record("token.import", created.token.id, change_of(nullptr, &created.token)));
  return AppliedToken{Outcome::created, created.token.id};
}

void report(Store::ApplyReport& report, Outcome outcome, std::string what) {
  if (outcome == Outcome::created) report.created.push_back(std::move(what));
  if (outcome == Outcome::updated) report.updated.push_back(std::move(what));
  if (outcome == Outcome::unchanged) ++report.unchanged;
}

/// The declared things themselves, in the order of what refers to what; a file may name them in any.
Status apply_all(Mutation& mutation, const Store::Declaration& declaration, std::string_view token_prefix,
                 bool only_source, Store::ApplyReport& done) {
  for (const EntityKind kind :
       {EntityKind::permission, EntityKind::role, EntityKind::group, EntityKind::license}) {
    for (const Entity& entity : declaration.entities) {
      if (entity.kind != kind) continue;
      std::string what = std::string(policy::to_string(kind)) + " " + entity.id;
      const Result<Outcome> outcome = apply_entity(mutation, entity, only_source);
      if (!outcome) return outcome.error().within(what);
      report(done, *outcome, std::move(what));
    }
  }
  for (const User& user : declaration.users) {
    const Result<Outcome> outcome = apply_user(mutation, user, only_source);
    if (!outcome) return outcome.error().within("user " + user.id);
    report(done, *outcome, "user " + user.id);
  }
  for (const TokenSpec& token : declaration.tokens) {
    const Result<AppliedToken> applied = apply_token(mutation, token, token_prefix, only_source);
    if (!applied) return applied.error().within("token " + (token.id.empty() ? token.name : token.id));
    report(done, applied->outcome, "token " + applied->id);
  }
  return {};
}

}  // namespace

Result<Store::ApplyReport> Store::apply(const Actor& actor, const Declaration& declaration,
                                        const ApplyOptions& options) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor, Mutation::Purpose::upkeep));
  ApplyReport done;
  POSTERN_TRY(const AuditMark before, audit_mark(mutation.transaction(), meta_key::audit_head));
  done.looked_at = before.sequence;
  if (options.looked_at && *options.looked_at != before.sequence)
    return Error{ErrorKind::conflict, "the store was changed by somebody else meanwhile; nothing was done"};
  // Tokens first, so that declared ones find their seats free; users and what they hold last, so that a token
  // which was given to somebody else stays.
  if (options.prune) {
    POSTERN_TRY_STATUS(check_closed(declaration));
    POSTERN_TRY_STATUS(prune_tokens(mutation, declaration, done.deleted));
  }
  POSTERN_TRY_STATUS(apply_all(mutation, declaration, impl_->token_prefix, options.only_source, done));
  if (options.prune) {
    POSTERN_TRY_STATUS(prune_users(mutation, declaration, done.deleted));
    POSTERN_TRY_STATUS(prune_entities(mutation, declaration, done.deleted));
  }
  if (options.only_source) POSTERN_TRY_STATUS(take_seats(mutation, declaration));
  POSTERN_TRY(done.changes, audit_records(mutation.transaction(), before.sequence, 0));
  POSTERN_TRY_STATUS(options.dry_run ? mutation.rehearse() : mutation.finish());
  return done;
}

Result<Store::ApplyReport> Store::apply(const Actor& actor, const Declaration& declaration) {
  return apply(actor, declaration, ApplyOptions{});
}

Status Store::set_declared_in(const Actor& actor, std::string_view file) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor, Mutation::Purpose::upkeep));
  POSTERN_TRY(const std::string before, declared_file(mutation.transaction()));
  if (before == file) return {};
  POSTERN_TRY_STATUS(check_text("the catalog's name", file, limits::description_bytes_max));
  const MDB_dbi meta = mutation.databases().meta;
  POSTERN_TRY_STATUS(file.empty() ? mutation.transaction().erase(meta, meta_key::declared_in)
                                  : mutation.transaction().put(meta, meta_key::declared_in, file));
  POSTERN_TRY_STATUS(
      mutation.record("store.mode", file.empty() ? "managed" : "declared", declaration_change(before, file)));
  return mutation.finish();
}

Result<std::string> Store::declared_in() const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  return declared_file(transaction);
}

}  // namespace postern::store
