// A policy that questions are put to, and its answer to one of them: the one way in which commands decide.

#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "policy/explain.hpp"
#include "proxy/answer.hpp"
#include "proxy/cli/asked_request.hpp"
#include "proxy/cli/asked_subject.hpp"
#include "proxy/cli/policy_source.hpp"

namespace postern::cli {

/// What becomes of a request. Borrows request, subject and policy.
struct AskedAnswer {
  const AskedRequest& request;
  const policy::Policy& policy;
  const AskedSubject& subject;
  policy::Explanation explanation;   ///< of no rule when refused()
  std::vector<std::string> headers;  ///< that the upstream would get, "Name: value" each; empty when denied

  /// The target is refused before any rule is asked.
  [[nodiscard]] bool refused() const noexcept { return request.error() != policy::TargetError::none; }
  [[nodiscard]] bool allowed() const noexcept {
    return explanation.decision.verdict == policy::Verdict::allow;
  }
  /// Why: the decision's reason, or what is wrong with the target.
  [[nodiscard]] std::string_view reason() const noexcept;
  /// What the client is told when it is denied; of a shadowed decision what it would be told once enforced.
  [[nodiscard]] Answer denial() const;
  /// "rule, policy.yaml:4: GET /orders/**" or "none matches"
  [[nodiscard]] std::string rule_line() const;

  /// The whole answer for a program, and for a person.
  [[nodiscard]] boost::json::object record() const;
  [[nodiscard]] std::string text() const;
};

class AskedPolicy {
 public:
  /// The policy of `source`, which outlives this.
  explicit AskedPolicy(const PolicySource& source);

  /// `subject` may hold what nobody knows, and holds nothing by it.
  [[nodiscard]] AskedAnswer answer(const AskedRequest& request, const policy::ConditionInput& input,
                                   const AskedSubject& subject) const;
  /// What the catalog does not know of what somebody holds: "role shop.raeder".
  [[nodiscard]] std::vector<std::string> unknown_of(const AskedSubject& subject) const;

  [[nodiscard]] const policy::Policy& policy() const noexcept { return source_.policy(); }
  [[nodiscard]] const policy::Catalog& names() const noexcept { return names_; }
  [[nodiscard]] const policy::Binding& binding() const noexcept { return binding_; }

 private:
  const PolicySource& source_;
  policy::Catalog names_;
  policy::Binding binding_;
};

}  // namespace postern::cli
