// Deleting what a declared catalog does not declare.

#pragma once

#include <string>
#include <vector>

#include "store/mutation.hpp"
#include "store/reader.hpp"

namespace postern::store {

/// Whether all that the declaration refers to is declared too, or reserved: pruning deletes everything else.
/// Errors: not_found.
[[nodiscard]] Status check_closed(const Store::Declaration& declaration);

/// Each deletes what is not declared, with its audit record, and adds "token tok_..." to `deleted`.
[[nodiscard]] Status prune_tokens(Mutation& mutation, const Store::Declaration& declaration,
                                  std::vector<std::string>& deleted);
[[nodiscard]] Status prune_users(Mutation& mutation, const Store::Declaration& declaration,
                                 std::vector<std::string>& deleted);
[[nodiscard]] Status prune_entities(Mutation& mutation, const Store::Declaration& declaration,
                                    std::vector<std::string>& deleted);

/// The id of the token that has, or had, this secret; empty when there is none.
[[nodiscard]] Result<std::string> id_by_secret(const Transaction& transaction, const SecretHash& hash);

}  // namespace postern::store
