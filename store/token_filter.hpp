// A filter ready to be asked about records: its ids looked up, and what owners hold remembered.

#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "store/administrators.hpp"
#include "store/token_query.hpp"
#include "store/transaction.hpp"
#include "store/usage.hpp"

namespace postern::store {

/// Where the keys of all tokens that could pass are found: some sets of token keys.
struct KeySet {
  MDB_dbi index = 0;
  std::string key;
};

class TokenMatcher {
 public:
  /// Errors: not_found (the filter names something that does not exist). Ends before its transaction.
  [[nodiscard]] static Result<TokenMatcher> make(const Environment& environment,
                                                 const Transaction& transaction, const TokenFilter& filter);

  /// Whether an active secret's token passes.
  [[nodiscard]] Result<bool> matches(const SecretRecord& token);

  /// Sets that together hold every token that can pass, when the filter leads to few of them; else nothing.
  [[nodiscard]] Result<std::optional<std::vector<KeySet>>> sources() const;
  /// Whether only tokens that expire within [first, last] can pass.
  struct Period {
    UnixSeconds first = 0, last = 0;
  };
  [[nodiscard]] std::optional<Period> period() const noexcept;

 private:
  /// What is asked about an owner, once.
  struct OwnerFacts {
    bool holds = false;  ///< all that the filter asks for
    OwnerState state = OwnerState::missing;
  };
  TokenMatcher(const Transaction& transaction, const TokenFilter& filter)
      : transaction_(transaction), filter_(filter) {}

  [[nodiscard]] bool holds(const Rights& rights) const noexcept;
  [[nodiscard]] Result<OwnerFacts> owner(Handle handle);
  [[nodiscard]] Result<bool> unused(const TokenKey& token) const;

  const Transaction& transaction_;
  TokenFilter filter_;
  Handle owner_ = no_handle;
  Handle group_ = no_handle, role_ = no_handle, license_ = no_handle, permission_ = no_handle;
  std::vector<Handle> giving_;  ///< roles that give the permission, ascending
  std::unordered_map<Handle, OwnerFacts> owners_;
  std::optional<UsageSnapshot> usage_;  ///< when uses are asked about
  UserRecord user_;                     ///< scratch; large
};

}  // namespace postern::store
