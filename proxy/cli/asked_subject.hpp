// Who a question about the policy is about: somebody in the store, or somebody who holds what the words say.

#pragma once

#include <optional>
#include <string>

#include "policy/decide.hpp"
#include "policy/held_subject.hpp"
#include "proxy/cli/arguments.hpp"
#include "store/reader.hpp"
#include "store/store.hpp"

namespace postern::cli {

/// What became of the credential and what its subject holds.
struct AskedSubject {
  policy::Credential credential = policy::Credential::absent;
  store::TokenState token_state = store::TokenState::valid;  ///< of a token in the store
  policy::Holdings holdings;
};

/// --token, --user, or --as-* with what the subject holds; none of them: no credential.
class SubjectOptions {
 public:
  void declare(Arguments& arguments);
  /// A sentence when they exclude each other, else empty.
  [[nodiscard]] std::string flaw() const;
  /// `store` may be null as long as neither token nor user was named. Nothing when there is no such one,
  /// which was said; `why_no_store` is said when there is no store.
  [[nodiscard]] std::optional<AskedSubject> resolve(const store::Store* store,
                                                    const std::string& why_no_store) const;

 private:
  std::string token_, user_, subject_, certificate_;
  bool unusable_ = false;
  store::Assignments assignments_;
};

[[nodiscard]] policy::Holdings holdings_of(const store::Assignments& assignments);
/// A token of the store as it would be let in now: its owner's rights when it has one.
[[nodiscard]] Result<AskedSubject> ask_token(const store::Store& store, const std::string& id);
[[nodiscard]] Result<AskedSubject> ask_user(const store::Store& store, const std::string& id);

}  // namespace postern::cli
