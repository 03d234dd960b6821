// What a new policy says otherwise than the one before, rule by rule, for whoever reloads.

#pragma once

#include <string>
#include <vector>

#include "policy/policy.hpp"

namespace postern::policy {

/// Ids of rules. A rule that has none of its own is known by host, path and methods, since its place moves
/// with every line above it.
struct RuleChanges {
  std::vector<std::string> added, removed, changed;
  [[nodiscard]] bool empty() const noexcept { return added.empty() && removed.empty() && changed.empty(); }
};

/// Compares what rules say; where they stand is no change, nor is their order. What is compared is the rule
/// as compiled, so one that refers to a changed requirement or default has changed.
[[nodiscard]] RuleChanges rule_changes(const Policy& before, const Policy& after);

/// "2 rules added (a, b), 1 removed (c)"; at most names_shown_max of each are named. "no rule changed" of
/// none.
[[nodiscard]] std::string to_string(const RuleChanges& changes);
inline constexpr std::size_t names_shown_max = 10;

/// Whether two rules say the same, wherever they stand and whatever they are called.
[[nodiscard]] bool says_the_same(const Rule& one, const Rule& other);

}  // namespace postern::policy
