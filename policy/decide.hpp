// The decision. Pure: no clock, no I/O, no store. Deny is the zero value.

#pragma once

#include <cstdint>
#include <string_view>

#include "policy/policy.hpp"
#include "policy/subject.hpp"

namespace postern::policy {

enum class Verdict : std::uint8_t { deny = 0, allow };

/// Why. Stable words: they stand in problem bodies, metrics and the access log.
enum class Reason : std::uint8_t {
  no_rule = 0,    ///< nothing matches: denied
  denied,         ///< `deny: true`
  no_credential,  ///< the rule needs a valid token and none was sent
  invalid_token,  ///< one was sent that is unknown, expired, disabled, rotated, …
  missing_permission,
  missing_role,
  missing_group,
  missing_license,
  requirement_not_met,  ///< any_of, not: no single term to name
  anonymous,            ///< allowed: `allow: anonymous`
  granted,              ///< allowed: the requirement is met
  not_owner,            ///< the subject is not the one in the path
  condition_not_met,    ///< query, header or client: no token changes it
};
[[nodiscard]] std::string_view to_string(Reason reason) noexcept;

/// What became of the credential, as far as deciding needs to know. A malformed one (400) and a broken store
/// (503) never come here.
enum class Credential : std::uint8_t { absent = 0, unusable, valid };

struct Decision {
  Verdict verdict = Verdict::deny;
  Reason reason = Reason::no_rule;
  bool shadowed = false;       ///< would have been denied; `mode: shadow` let it pass (verdict is allow)
  const Rule* rule = nullptr;  ///< lives as long as the policy
  const Requirement* unmet = nullptr;  ///< the first term that was not met, when there is one to name
  const Condition* failed = nullptr;   ///< with condition_not_met
  /// True when a valid token could change the answer (401), false when it could not (403).
  [[nodiscard]] bool needs_credential() const noexcept {
    return reason == Reason::no_credential || reason == Reason::invalid_token;
  }
};

/// What became of a requirement. Three-valued, so that `not` never turns "cannot be told" into "met": with
/// `not: {group: suspended}`, deleting the group must not let its members in.
enum class Answer : std::uint8_t { unmet = 0, unknown, met };

/// What one part of the governing rule's requirement comes to for a subject with a valid credential. For
/// explaining: decide() goes by the same function.
[[nodiscard]] Answer evaluate(const Match& match, const Binding& binding, const Subject& subject,
                              const Requirement& part) noexcept;

/// Decides one request. `subject` is looked at only when `credential` is valid. No rule: needs_credential()
/// without a valid token, else no_rule.
[[nodiscard]] Decision decide(const Match& match, const Binding& binding, Credential credential,
                              const Subject& subject) noexcept;

}  // namespace postern::policy
