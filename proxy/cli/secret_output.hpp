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

/// Many of them, as they come: lines of ID, SECRET and NAME, or with --quiet of secrets alone, or one JSON
/// array.
class SecretStream {
 public:
  explicit SecretStream(const SecretForm& form) noexcept : form_(form) {}
  /// Shows one and wipes it. An exit code; what could not be shown is lost, which is said.
  int show(store::CreatedToken& created);
  /// To be called once at the end, after a failure too, so that what was shown can be read.
  int end();

 private:
  const SecretForm& form_;
  bool begun_ = false;
};

}  // namespace postern::cli
