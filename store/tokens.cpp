#include "store/tokens.hpp"

#include <algorithm>

#include "store/audit.hpp"
#include "store/bytes.hpp"
#include "store/change.hpp"
#include "store/impl.hpp"
#include "store/secret.hpp"
#include "store/validity.hpp"

namespace postern::store {
namespace {

/// Wipes the secrets of specifications, whatever becomes of them.
class SpecWiper {
 public:
  explicit SpecWiper(std::span<TokenSpec> specs) : specs_(specs) {}
  SpecWiper(const SpecWiper&) = delete;
  SpecWiper& operator=(const SpecWiper&) = delete;
  ~SpecWiper() {
    for (TokenSpec& spec : specs_) wipe(spec.secret);
  }

 private:
  std::span<TokenSpec> specs_;
};

/// One audit record for all, so that importing many does not write one for each.
Status record_creation(Mutation& mutation, std::span<const CreatedToken> created) {
  const bool imported =
      std::any_of(created.begin(), created.end(), [](const auto& one) { return one.token.imported; });
  const std::string_view action = imported ? "token.import" : "token.create";
  if (created.size() == 1)
    return mutation.record(action, created[0].token.id, change_of(nullptr, &created[0].token));
  std::string ids;
  for (const CreatedToken& one : created) ids += one.token.id + "\n";
  const std::string_view first = created.front().token.id, last = created.back().token.id;
  return mutation.record(action, first, batch_change(created.size(), first, last, to_hex(hash_secret(ids))));
}

/// The prefixes as texts, one after the other.
std::vector<std::string> decode_prefixes(std::string_view bytes) {
  std::vector<std::string> prefixes;
  for (ByteReader reader(bytes); !reader.empty();) prefixes.emplace_back(reader.text());
  return prefixes;
}

Result<std::vector<std::string>> prefixes(const Transaction& transaction) {
  POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().meta, meta_key::token_prefixes));
  return decode_prefixes(bytes.value_or(std::string_view{}));
}

/// When the old secret stops working: never past the old expiry.
UnixSeconds grace_end(const RotateOptions& options, const Token& token, UnixSeconds now) noexcept {
  if (options.grace.count() <= 0) return 0;
  const UnixSeconds wanted = options.grace.count() > time_max - now ? time_max : now + options.grace.count();
  if (token.expires == 0) return wanted;
  return token.expires <= now ? 0 : std::min(wanted, token.expires);
}

}  // namespace

Status check_rotation(const RotateOptions& options, const Token& token, UnixSeconds now) {
  if (options.grace.count() < 0) return Error{ErrorKind::invalid, "a grace is not negative"};
  if (options.expires) {
    POSTERN_TRY_STATUS(check_time("expires", *options.expires));
    if (*options.expires != 0 && *options.expires <= now)
      return Error{ErrorKind::invalid, "the new expiry lies in the past"};
    return {};
  }
  if (token.expires != 0 && token.expires <= now)
    return Error{ErrorKind::conflict, "token " + token.id + " has expired; rotating it needs a new expiry"};
  return {};
}

Status remember_prefix(Mutation& mutation, std::string_view prefix) {
  POSTERN_TRY(std::vector<std::string> known, prefixes(mutation.transaction()));
  if (std::find(known.begin(), known.end(), prefix) != known.end()) return {};
  known.emplace_back(prefix);
  ByteWriter writer;
  for (const std::string& one : known) writer.text(one);
  return mutation.transaction().put(mutation.databases().meta, meta_key::token_prefixes, writer.bytes());
}

Result<std::vector<std::string>> Store::token_prefixes() const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  return prefixes(transaction);
}

Result<bool> has_other_prefix(const Transaction& transaction, std::string_view prefix) {
  POSTERN_TRY(const std::vector<std::string> known, prefixes(transaction));
  return std::any_of(known.begin(), known.end(), [&](const std::string& one) { return one != prefix; });
}

Result<std::vector<CreatedToken>> Store::create_tokens(const Actor& actor, std::vector<TokenSpec> specs) {
  const SpecWiper wiper(specs);
  std::vector<CreatedToken> created;
  if (specs.empty()) return created;
  created.reserve(specs.size());
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  for (TokenSpec& spec : specs) {
    POSTERN_TRY(CreatedToken token, add_token(mutation, spec, impl_->token_prefix));
    created.push_back(std::move(token));
  }
  POSTERN_TRY_STATUS(remember_prefix(mutation, impl_->token_prefix));
  POSTERN_TRY_STATUS(record_creation(mutation, created));
  POSTERN_TRY_STATUS(mutation.finish());
  return created;
}

Result<CreatedToken> Store::create_token(const Actor& actor, TokenSpec spec) {
  std::vector<TokenSpec> specs;
  specs.push_back(std::move(spec));
  POSTERN_TRY(std::vector<CreatedToken> created, create_tokens(actor, std::move(specs)));
  return std::move(created.front());
}

Result<CreatedToken> rotate_token(Mutation& mutation, std::string_view id, const RotateOptions& options,
                                  std::string_view token_prefix) {
  POSTERN_TRY(const StoredToken stored, load_token(mutation.transaction(), id));
  POSTERN_TRY_STATUS(check_rotation(options, stored.token, mutation.now()));
  POSTERN_TRY(std::string secret, make_secret(token_prefix));

  CreatedToken rotated = {stored.token, std::move(secret)};
  rotated.token.rotated = mutation.now();
  rotated.token.imported = false;
  if (options.expires) rotated.token.expires = *options.expires;
  const UnixSeconds grace = grace_end(options, stored.token, mutation.now());
  POSTERN_TRY_STATUS(replace_secret(mutation, stored, rotated.token, hash_secret(rotated.secret), grace));
  POSTERN_TRY_STATUS(mutation.record("token.rotate", id,
                                     rotation_change(grace, stored.token.expires, rotated.token.expires)));
  return rotated;
}

Result<CreatedToken> Store::rotate_token(const Actor& actor, std::string_view id,
                                         const RotateOptions& options) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  POSTERN_TRY(CreatedToken rotated, store::rotate_token(mutation, id, options, impl_->token_prefix));
  POSTERN_TRY_STATUS(remember_prefix(mutation, impl_->token_prefix));
  POSTERN_TRY_STATUS(mutation.finish());
  return rotated;
}

Status delete_token(Mutation& mutation, std::string_view id) {
  POSTERN_TRY(const StoredToken stored, load_token(mutation.transaction(), id));
  POSTERN_TRY_STATUS(erase_token(mutation, stored));
  return mutation.record("token.delete", id, change_of(&stored.token, nullptr));
}

Status Store::delete_token(const Actor& actor, std::string_view id) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  POSTERN_TRY_STATUS(store::delete_token(mutation, id));
  return mutation.finish();
}

Result<Token> Store::token(std::string_view id) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  POSTERN_TRY(StoredToken stored, load_token(transaction, id));
  return std::move(stored.token);
}

}  // namespace postern::store
