// What a policy would say to a logged request, as far as the log tells. What it does not tell is not guessed:
// every possibility is decided, and only when all come to the same is that the answer.

#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "proxy/cli/asked_policy.hpp"
#include "proxy/cli/logged_request.hpp"

namespace postern::cli {

/// The answers that are possible.
struct Foreseen {
  const policy::Rule* rule = nullptr;  ///< that governs, which is always known; null: none
  policy::TargetError refused = policy::TargetError::none;  ///< no rule is asked; denied
  bool may_be_allowed = false, may_be_denied = false;
  bool may_be_shadowed = false;  ///< passes only because its rule is in shadow mode
  policy::Decision decision;     ///< one of the possible ones; a denial, if there is one
  std::string unknown;  ///< when they differ, what would have to be known: "header x-env", "its rights"

  [[nodiscard]] bool may_pass() const noexcept { return may_be_allowed || may_be_shadowed; }
  /// Whether it passes or not; not, whether shadow mode is why.
  [[nodiscard]] bool is_known() const noexcept { return !(may_pass() && may_be_denied); }
};

class Foresight {
 public:
  struct Options {
    bool enforce = false;  ///< rules in shadow mode are taken as enforced
    /// The policy that wrote the log, if it is known: a condition that it had, too, came to something then.
    const policy::Policy* old = nullptr;
  };
  /// All outlive this.
  Foresight(const AskedPolicy& policy, const PolicySource& source, Options options)
      : policy_(policy), source_(source), options_(options) {}

  /// `request` was decided. A token counts as valid when it was valid then; what it holds is what the store
  /// says now.
  [[nodiscard]] Foreseen of(const LoggedRequest& request, AskedRequest& asked);

  /// The rule of the new policy that governs.
  [[nodiscard]] policy::Match match(const AskedRequest& asked) const noexcept;
  /// What the subject of a valid token holds; null when the store does not know it (any more). Good until the
  /// next call.
  [[nodiscard]] const policy::HeldSubject* holder(const LoggedRequest& request);

 private:
  void decide(const policy::Match& match, policy::Credential credential, const LoggedRequest& request,
              Foreseen& foreseen);
  void add(const policy::Decision& decision, Foreseen& foreseen) const;
  [[nodiscard]] const policy::Rule* rule_then(const LoggedRequest& request, const AskedRequest& asked) const;

  const AskedPolicy& policy_;
  const PolicySource& source_;
  const Options options_;
  std::unordered_map<std::string, std::unique_ptr<const policy::HeldSubject>> holders_;  ///< by token
};

}  // namespace postern::cli
