// Why a request is let in or not: the decision taken apart for a person. Says what decide() says, since both
// go by the same functions. Slow and allocating; for the command line, never for a request.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/decide.hpp"

namespace postern::policy {

/// One part of the governing rule's requirement, and what became of it.
struct PartReport {
  const Requirement* part = nullptr;  ///< belongs to the policy
  std::size_t depth = 0;              ///< 0: the whole requirement
  Answer answer = Answer::unmet;
  std::string through;  ///< what it is held through, or what would give it; may be empty
};

/// A rule that does not govern although it nearly does.
struct NearMiss {
  enum class Why : std::uint8_t { outranked = 0, method, host, segment };
  const Rule* rule = nullptr;
  Why why = Why::outranked;
  std::string sentence;  ///< "the method PUT is not among GET"
};
[[nodiscard]] std::string_view to_string(NearMiss::Why why) noexcept;

/// A request as rules see it. All are canonical and borrowed.
struct RequestLine {
  std::string_view host;  ///< empty: none
  const CanonicalPath& path;
  std::string_view method;
  const ConditionInput* input = nullptr;  ///< for conditions; null: they are taken to hold
};

struct Explanation {
  Match match;  ///< its parameters point into the path that was asked for
  Decision decision;
  std::vector<std::pair<const Condition*, bool>> conditions;  ///< of the rule, and whether each holds
  std::vector<PartReport> parts;      ///< in the order of the file; empty without a rule
  std::string resource;               ///< that a grant would have to be on; empty: none
  std::vector<NearMiss> near_misses;  ///< the nearest first, at most near_misses_max
};
inline constexpr std::size_t near_misses_max = 20;  ///< a person reads no more

/// `asterisk`: the request is `OPTIONS *`, and the path is not looked at.
[[nodiscard]] Explanation explain(const Policy& policy, const RequestLine& request, bool asterisk,
                                  const Binding& binding, Credential credential, const Subject& subject);

/// The rules that match all but one thing of the request, or all but are less specific than `governing`.
[[nodiscard]] std::vector<NearMiss> near_misses(const std::vector<Rule>& rules, const Rule* governing,
                                                const RequestLine& request);

/// "permission shop.orders.read", "any_of": a part in one line.
[[nodiscard]] std::string to_string(const Requirement& part);
/// "met", "not met", "cannot be told"
[[nodiscard]] std::string_view to_string(Answer answer) noexcept;

}  // namespace postern::policy
