// Which tokens a command changes: one by its id, those of a file, or all that meet conditions.

#pragma once

#include <string>
#include <vector>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/secret_output.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/token_change.hpp"
#include "store/token_query.hpp"

namespace postern::cli {

class TokenSelection {
 public:
  /// Declares ID, --file, --where, --after and --dry-run.
  void declare(Arguments& arguments);
  /// Whether exactly one of ID, --file and --where was given and the others fit; else says so and returns
  /// false: exit_usage.
  [[nodiscard]] bool check(const Arguments& arguments) const;

  /// Whether it is one token by its id, whose command answers with the token itself.
  [[nodiscard]] bool one() const noexcept { return !id_.empty() && !dry_run_; }
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] bool dry_run() const noexcept { return dry_run_; }

  /// The ids, in the order in which they will be changed. Errors: unavailable, invalid (a line of the file),
  /// not_found (--after stands nowhere in the file).
  [[nodiscard]] Result<std::vector<std::string>> ids(const store::Store& store) const;

 private:
  std::string id_;
  std::string file_;
  std::string after_;
  store::TokenFilter where_;
  bool dry_run_ = false;
};

/// Words for an action: "disable", "disabled".
struct ActionWords {
  std::string_view infinitive, done;
};

/// Changes all selected tokens and answers. All of it is validated first; up to limits::atomic_changes_max
/// are one transaction, more are committed in batches, and where that stops the answer says how to go on.
/// `secrets`: how new secrets are shown, null unless the action rotates.
int change_tokens(const TokenSelection& selection, store::Store& store, const StoreAccess& access,
                  const Output& output, const store::TokenAction& action, const ActionWords& words,
                  const SecretForm* secrets);

}  // namespace postern::cli
