// Tokens within a transaction.

#pragma once

#include <cstddef>

#include "store/mutation.hpp"
#include "store/names.hpp"
#include "store/subject_record.hpp"

namespace postern::store {

/// A token as it is stored, owning all of it, so that its records may be overwritten.
struct StoredToken {
  TokenKey key;
  SecretHash hash;
  Token token;
  Handle owner = no_handle;
  std::vector<Reference> references;  ///< deleted ones included
  std::string extensions;             ///< of the record in `tokens`
  std::string secret_extensions;      ///< of the record in `secrets`
};
/// Errors: not_found, unavailable (a record is corrupt).
[[nodiscard]] Result<StoredToken> load_token(const Transaction& transaction, std::string_view id);
[[nodiscard]] Result<StoredToken> load_token(const Transaction& transaction, Names& names,
                                             const TokenKey& key, std::string_view bytes);

/// What a specification asks for, its id and secret apart.
[[nodiscard]] Token to_token(const TokenSpec& spec);
/// All rules of a token that do not depend on other tokens: its values, its owner, what it holds. Fills
/// `rights`, whose resources are views into `token`.
[[nodiscard]] Status check_token(const Transaction& transaction, const Token& token, Rights& rights);

/// Makes a token without an audit record. The secret in `spec` is wiped.
[[nodiscard]] Result<CreatedToken> add_token(Mutation& mutation, TokenSpec& spec,
                                             std::string_view token_prefix);

/// Writes a changed token over what is stored; its secret stays.
[[nodiscard]] Status rewrite_token(Mutation& mutation, const StoredToken& stored, const Token& after);
/// Gives a token another secret. The old one is remembered as rotated and stands for the new one until
/// `grace_until` (0: not at all, and earlier graces end too). Errors: conflict (the secret is in use).
[[nodiscard]] Status replace_secret(Mutation& mutation, const StoredToken& stored, const Token& after,
                                    const SecretHash& hash, UnixSeconds grace_until);
/// Whether a token may be given a new secret.
[[nodiscard]] Status check_rotation(const RotateOptions& options, const Token& token, UnixSeconds now);
/// Gives a token a new secret, with an audit record. The prefix is for the caller to remember.
[[nodiscard]] Result<CreatedToken> rotate_token(Mutation& mutation, std::string_view id,
                                                const RotateOptions& options, std::string_view token_prefix);
/// Deletes a token, with an audit record.
[[nodiscard]] Status delete_token(Mutation& mutation, std::string_view id);

/// Whether the hash is that of an old secret of this token.
[[nodiscard]] Result<bool> was_rotated(const Transaction& transaction, const TokenKey& key,
                                       const SecretHash& hash);

/// Deletes both records of a token, all its old secrets and its index entries.
[[nodiscard]] Status erase_token(Mutation& mutation, const StoredToken& stored);
/// Deletes at most `most` tokens of a user, without audit records. How many were deleted.
[[nodiscard]] Result<std::size_t> erase_tokens_of(Mutation& mutation, Handle owner, std::size_t most);

/// Writes down that secrets with this prefix are made here, so that they are still looked up when the prefix
/// changes.
[[nodiscard]] Status remember_prefix(Mutation& mutation, std::string_view prefix);
/// Whether secrets were made with a prefix other than this one.
[[nodiscard]] Result<bool> has_other_prefix(const Transaction& transaction, std::string_view prefix);

}  // namespace postern::store
