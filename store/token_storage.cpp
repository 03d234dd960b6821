#include <algorithm>

#include "conf/limits.hpp"
#include "store/audit.hpp"
#include "store/secret.hpp"
#include "store/text.hpp"
#include "store/token_index.hpp"
#include "store/tokens.hpp"
#include "store/validity.hpp"

namespace postern::store {
namespace {

/// Whether no address bit beyond the prefix is set: a record keeps only the others.
bool is_network(const Network& network) noexcept {
  if (network.prefix > 128) return false;
  for (std::size_t bit = network.prefix; bit < 128; ++bit)
    if ((network.address[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

Status check_values(const Token& token) {
  POSTERN_TRY_STATUS(check_text("name", token.name, limits::name_bytes_max));
  POSTERN_TRY_STATUS(check_text("description", token.description, limits::description_bytes_max));
  POSTERN_TRY_STATUS(check_time("not before", token.not_before));
  POSTERN_TRY_STATUS(check_time("expires", token.expires));
  if (token.expires != 0 && token.not_before >= token.expires)
    return Error{ErrorKind::invalid, "the token would expire before it becomes valid"};
  if (token.networks.size() > limits::cidrs_per_token_max)
    return Error{ErrorKind::invalid, "more than 32 client networks"};
  if (!std::all_of(token.networks.begin(), token.networks.end(), is_network))
    return Error{ErrorKind::invalid, "a client network has address bits beyond its prefix"};
  if (token.canary && (!token.owner.empty() || !token.assignments.empty()))
    return Error{ErrorKind::usage, "a canary has no owner and no rights: it is there to be noticed"};
  if (!token.owner.empty() && !token.assignments.empty())
    return Error{ErrorKind::usage,
                 "a token with an owner has exactly the owner's rights and cannot be given any of its own"};
  return {};
}

/// Where a token stands: what the records of a write need beside the token itself.
struct Place {
  TokenKey key;
  SecretHash hash;
  std::string_view extensions;
  std::string_view secret_extensions;
};

/// Writes both records and moves the indexes from what was to what is. `before` is null for a new token.
Status write_token(Mutation& mutation, const Place& place, const Token& token, const StoredToken* before) {
  // A new token takes nobody's place; any other may be the last that administers.
  if (before != nullptr) POSTERN_TRY_STATUS(mutation.note_administrators());
  SecretRecord secret;
  POSTERN_TRY_STATUS(check_token(mutation.transaction(), token, secret.rights));
  secret.token = place.key;
  secret.imported = token.imported;
  secret.enabled = token.enabled;
  secret.reuse_seen = token.reuse_seen && !token.enabled;
  secret.canary = token.canary;
  secret.not_before = token.not_before;
  secret.expires = token.expires;
  secret.name = token.name;
  secret.extensions = place.secret_extensions;
  for (const Network& network : token.networks) POSTERN_CHECK(secret.networks.add(network));
  if (!token.owner.empty()) {
    POSTERN_TRY(secret.owner, user_handle_of(mutation.transaction(), token.owner));
  }

  TokenRecord detail;
  detail.hash = place.hash;
  detail.created = token.created;
  detail.rotated = token.rotated;
  detail.description = token.description;
  detail.extensions = place.extensions;

  POSTERN_TRY_STATUS(mutation.move_holdings(mutation.databases().token_holders, place.key.view(),
                                            before ? before->references : std::vector<Reference>{},
                                            references(secret.rights)));
  POSTERN_TRY_STATUS(
      move_owner(mutation.transaction(), place.key, before ? before->owner : no_handle, secret.owner));
  POSTERN_TRY_STATUS(
      move_expiry(mutation.transaction(), place.key, before ? before->token.expires : 0, secret.expires));
  POSTERN_TRY_STATUS(
      mutation.transaction().put_in_order(mutation.databases().secrets, place.hash.view(), encode(secret)));
  return mutation.transaction().put(mutation.databases().tokens, place.key.view(), encode(detail));
}

/// A secret as it comes in: made here, chosen elsewhere, or declared by its hash.
struct IncomingSecret {
  std::string made;  ///< to be shown once
  SecretHash hash;
  bool imported = false;
};

Result<IncomingSecret> take_secret(const TokenSpec& spec, std::string_view prefix) {
  IncomingSecret secret;
  secret.imported = !spec.secret.empty() || !spec.secret_sha256.empty();
  if (!spec.secret.empty() && !spec.secret_sha256.empty())
    return Error{ErrorKind::usage, "a token is given either a secret or the hash of one"};
  if (!spec.secret_sha256.empty()) {
    const auto hash = parse_hex(spec.secret_sha256);
    if (!hash) return Error{ErrorKind::invalid, "secret_sha256 is not 64 hexadecimal digits"};
    secret.hash = *hash;
    return secret;
  }
  if (!spec.secret.empty()) {
    if (const std::string_view flaw = imported_secret_flaw(spec.secret); !flaw.empty())
      return Error{ErrorKind::invalid, "the secret cannot be imported: it " + std::string(flaw)};
    if (secret_form(spec.secret, prefix) == SecretForm::corrupt)
      return Error{ErrorKind::invalid, "the secret cannot be imported: it begins with " +
                                           std::string(prefix) +
                                           " but its checksum is wrong, as by a slip"};
    secret.hash = hash_secret(spec.secret);
    return secret;
  }
  POSTERN_TRY(secret.made, make_secret(prefix));
  secret.hash = hash_secret(secret.made);
  return secret;
}

Result<TokenKey> take_id(const Transaction& transaction, const TokenSpec& spec) {
  std::string id = spec.id;
  if (id.empty()) {
    POSTERN_TRY(id, make_token_id());
  }
  const auto key = parse_token_id(id);
  if (!key) return Error{ErrorKind::invalid, "a token id is tok_ and 16 letters or digits, not " + spec.id};
  POSTERN_TRY(const auto existing, transaction.get(transaction.databases().tokens, key->view()));
  if (existing) return Error{ErrorKind::conflict, "token " + id + " exists already"};
  return *key;
}

}  // namespace

Token to_token(const TokenSpec& spec) {
  Token token;
  token.name = spec.name;
  token.description = spec.description;
  token.not_before = spec.not_before;
  token.expires = spec.expires;
  token.enabled = spec.enabled;
  token.canary = spec.canary;
  token.owner = spec.owner;
  token.networks = spec.networks;
  token.assignments = spec.assignments;
  return token;
}

Status check_token(const Transaction& transaction, const Token& token, Rights& rights) {
  POSTERN_TRY_STATUS(check_values(token));
  if (!token.owner.empty()) {
    POSTERN_TRY([[maybe_unused]] const Handle owner, user_handle_of(transaction, token.owner));
  }
  return to_rights(transaction, token.assignments, rights);
}

Result<StoredToken> load_token(const Transaction& transaction, Names& names, const TokenKey& key,
                               std::string_view bytes) {
  const auto broken = [&](std::string_view part) {
    return corrupt(std::string(part) + " of " + token_id_text(key));
  };
  TokenRecord detail;
  if (!decode(bytes, detail)) return broken("details");
  POSTERN_TRY(const auto secret_bytes, transaction.get(transaction.databases().secrets, detail.hash.view()));
  SecretRecord secret;
  if (!secret_bytes || !decode(*secret_bytes, secret)) return broken("secret");
  if (secret.state != SecretState::active || secret.token != key) return broken("secret");

  StoredToken stored;
  stored.key = key;
  stored.hash = detail.hash;
  stored.owner = secret.owner;
  stored.references = references(secret.rights);
  stored.extensions = detail.extensions;
  stored.secret_extensions = secret.extensions;
  Token& token = stored.token;
  token.id = token_id_text(key);
  token.name = secret.name;
  token.description = detail.description;
  token.created = detail.created;
  token.rotated = detail.rotated;
  token.not_before = secret.not_before;
  token.expires = secret.expires;
  token.enabled = secret.enabled;
  token.imported = secret.imported;
  token.reuse_seen = secret.reuse_seen;
  token.canary = secret.canary;
  token.networks.assign(secret.networks.items().begin(), secret.networks.items().end());
  if (secret.owner != no_handle) {
    POSTERN_TRY(token.owner, names.user_id(secret.owner));
  }
  POSTERN_TRY(token.assignments, names.assignments(secret.rights));
  return stored;
}

Result<StoredToken> load_token(const Transaction& transaction, std::string_view id) {
  const auto key = parse_token_id(id);
  if (!key)
    return Error{ErrorKind::not_found,
                 "there is no token of that id; an id is tok_ and 16 letters or digits"};
  POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().tokens, key->view()));
  if (!bytes) return Error{ErrorKind::not_found, "there is no token " + std::string(id)};
  Names names(transaction);
  return load_token(transaction, names, *key, *bytes);
}

Result<CreatedToken> add_token(Mutation& mutation, TokenSpec& spec, std::string_view token_prefix) {
  Result<IncomingSecret> taken = take_secret(spec, token_prefix);
  wipe(spec.secret);
  POSTERN_TRY(IncomingSecret secret, std::move(taken));
  POSTERN_TRY(const TokenKey key, take_id(mutation.transaction(), spec));
  POSTERN_TRY(const auto in_use,
              mutation.transaction().get(mutation.databases().secrets, secret.hash.view()));
  if (in_use) return Error{ErrorKind::conflict, "another token has, or once had, this secret"};

  CreatedToken created;
  created.token = to_token(spec);
  created.token.id = token_id_text(key);
  created.token.created = mutation.now();
  created.token.imported = secret.imported;
  created.secret = std::move(secret.made);
  if (secret.imported) POSTERN_TRY_STATUS(mutation.count_imported(1));
  POSTERN_TRY_STATUS(write_token(mutation, {key, secret.hash, {}, {}}, created.token, nullptr));
  // Listings are sorted and without repeats; so is the answer.
  POSTERN_TRY_STATUS(change_assignments(mutation.transaction(), {}, created.token.assignments));
  return created;
}

Status rewrite_token(Mutation& mutation, const StoredToken& stored, const Token& after) {
  return write_token(mutation, {stored.key, stored.hash, stored.extensions, stored.secret_extensions}, after,
                     &stored);
}

Status replace_secret(Mutation& mutation, const StoredToken& stored, const Token& after,
                      const SecretHash& hash, UnixSeconds grace_until) {
  POSTERN_TRY(const auto in_use, mutation.transaction().get(mutation.databases().secrets, hash.view()));
  if (in_use) return Error{ErrorKind::conflict, "another token has, or once had, this secret"};
  if (grace_until == 0) POSTERN_TRY_STATUS(end_graces(mutation.transaction(), stored.key));
  SecretRecord old;
  old.state = SecretState::rotated;
  old.token = stored.key;
  old.imported = stored.token.imported;
  old.rotated_at = mutation.now();
  old.grace_until = grace_until;
  POSTERN_TRY_STATUS(remember_rotated(mutation, stored.hash, old));
  if (after.imported) POSTERN_TRY_STATUS(mutation.count_imported(1));
  return write_token(mutation, {stored.key, hash, stored.extensions, stored.secret_extensions}, after,
                     &stored);
}

Status erase_token(Mutation& mutation, const StoredToken& stored) {
  Transaction& transaction = mutation.transaction();
  POSTERN_TRY_STATUS(mutation.note_administrators());
  POSTERN_TRY_STATUS(forget_rotated(mutation, stored.key));
  if (stored.token.imported) POSTERN_TRY_STATUS(mutation.count_imported(-1));
  POSTERN_TRY_STATUS(
      mutation.move_holdings(mutation.databases().token_holders, stored.key.view(), stored.references, {}));
  POSTERN_TRY_STATUS(move_owner(transaction, stored.key, stored.owner, no_handle));
  POSTERN_TRY_STATUS(move_expiry(transaction, stored.key, stored.token.expires, 0));
  POSTERN_TRY_STATUS(transaction.erase(mutation.databases().secrets, stored.hash.view()));
  return transaction.erase(mutation.databases().tokens, stored.key.view());
}

Result<std::size_t> erase_tokens_of(Mutation& mutation, Handle owner, std::size_t most) {
  std::vector<TokenKey> keys;
  {
    POSTERN_TRY(Cursor cursor, mutation.transaction().cursor(mutation.databases().owned));
    POSTERN_TRY(bool more, cursor.at(handle_key(owner).view()));
    while (more && keys.size() < most) {
      const auto key = token_key(cursor.value());
      if (!key) return corrupt("index of owners");
      keys.push_back(*key);
      POSTERN_TRY(more, cursor.next_of_key());
    }
  }
  for (const TokenKey& key : keys) {
    POSTERN_TRY(const StoredToken stored, load_token(mutation.transaction(), token_id_text(key)));
    POSTERN_TRY_STATUS(erase_token(mutation, stored));
  }
  return keys.size();
}

}  // namespace postern::store
