// What a policy means for an API, decided for every operation from the document alone: no request is made and
// none is guessed. Exact, since requests that the policy cannot tell apart are one class (path_classes.hpp).

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/openapi.hpp"
#include "policy/policy.hpp"
#include "policy/truth_table.hpp"

namespace postern::policy {

enum class Severity : std::uint8_t { note = 0, warning, error };
[[nodiscard]] std::string_view to_string(Severity severity) noexcept;

/// One thing that is wrong or worth knowing. The names of kinds are stable.
struct Finding {
  enum class Kind : std::uint8_t {
    uncovered_operation = 0,  ///< some of its requests, or all, match no rule
    open_operation,           ///< declared secured, but a rule lets everybody in
    guarded_operation,        ///< declared open, but a rule demands a token
    unused_rule,              ///< governs no request of any operation
    shadowed_rule,            ///< governs no request at all: more specific rules take each
    unheld_permission,        ///< no role gives it
    unmeetable_requirement,   ///< nobody could hold what it demands
    undecided,                ///< too large to be decided exactly
    partial_parameter,        ///< `{id}.json` in the document: taken for any segment
    unreachable_operation,    ///< no request of it gets as far as a rule
  };
  Kind kind = Kind::undecided;
  Severity severity = Severity::error;
  std::string sentence;
  const Rule* rule = nullptr;            ///< that it is about or that an operation met; belongs to the policy
  const Operation* operation = nullptr;  ///< belongs to the caller, or null
  Place place;                           ///< in the document with an operation, else in the policy
};
[[nodiscard]] std::string_view to_string(Finding::Kind kind) noexcept;

/// Which rules govern an operation, requests of more specific operations aside, and an example of a request
/// to each. Null: no rule.
struct Coverage {
  const Operation* operation = nullptr;
  struct Part {
    const Rule* rule = nullptr;
    std::string example;  ///< "/orders/other", with the host before it where rules name hosts
  };
  std::vector<Part> parts;
};

struct Proof {
  std::vector<Coverage> coverage;  ///< in the order of the operations
  std::vector<Finding> findings;   ///< operations first, then rules
};

/// `operations` outlive the answer. With a catalog, permissions that no role holds are told. `hosts`: those
/// that requests may name; empty: any.
[[nodiscard]] Proof prove(const Policy& policy, const std::vector<Operation>& operations,
                          const Catalog* catalog, const std::vector<std::string>& hosts);

enum class Meetable : std::uint8_t { no = 0, yes, undecided };
/// Whether some subject could meet what a rule demands, over all ways its terms could hold; exact up to
/// requirement_terms_exact different terms.
[[nodiscard]] Meetable meetable(const Rule& rule);

}  // namespace postern::policy
