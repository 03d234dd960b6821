// The only sight of a secret there will ever be.

#pragma once

#include <string_view>

#include "proxy/cli/output.hpp"
#include "store/store.hpp"

namespace postern::cli {

/// How `token create` and `token rotate` answer.
struct SecretForm {
  Output output;
  bool quiet = false;  ///< the secret alone, for scripts
  void declare(Arguments& arguments);
};

/// Shows id, settings and secret of a token, and wipes the secret. When it cannot be shown it is lost, which
/// is said with the command that makes a new one, and the exit code is exit_failed.
int show_secret(const SecretForm& form, store::CreatedToken& created);

}  // namespace postern::cli
