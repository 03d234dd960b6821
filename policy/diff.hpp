// What a new policy lets pass and an old one does not, and the reverse, for every request there can be:
// decided on classes of requests that neither can tell apart (path_classes.hpp) and over all ways a subject
// could hold what the rules demand (truth_table.hpp). No traffic is needed and none is guessed.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.hpp"
#include "policy/truth_table.hpp"

namespace postern::policy {

/// One change: all requests that one rule governed and another governs now, where that makes a difference.
struct Difference {
  /// The names are stable. The most alarming first.
  enum class Kind : std::uint8_t {
    newly_public = 0,  ///< everybody may pass, and could not before
    newly_open,        ///< some may pass, and nobody could before
    looser,            ///< more may pass
    changed,           ///< some may pass no longer and others instead; or conditions that cannot be compared
    undecided,         ///< too many different terms
    stricter,          ///< fewer may pass
    newly_closed,      ///< nobody may pass any more
    options,           ///< the same may pass, and are served otherwise
  };
  /// A part of the requests: one class of paths.
  struct Set {
    std::string paths;  ///< "/orders/{other}": a segment that no rule names; "/**": and everything below
    std::vector<std::string> methods;  ///< "other" for those that no rule names
    std::vector<std::string> hosts;    ///< exact, "*.example.com" for others of a suffix, "other"; empty: any
  };
  /// A request that is decided otherwise, conditions aside.
  struct Witness {
    std::string method, host, path;
    bool anonymous = false;              ///< sent without a token
    std::vector<Term> holds;             ///< what its subject holds; nothing else
    bool before = false, after = false;  ///< whether it passes
  };

  Kind kind = Kind::options;
  const Rule* before = nullptr;  ///< null: no rule; of the policies
  const Rule* after = nullptr;
  std::vector<Set> sets;
  std::size_t further_sets = 0;      ///< beyond difference_sets_max, not listed
  std::vector<Witness> witnesses;    ///< at most one for each direction; none of options and undecided
  std::vector<std::string> options;  ///< keys of options that differ
  bool conditions_differ = false;
};
[[nodiscard]] std::string_view to_string(Difference::Kind kind) noexcept;

struct PolicyDiff {
  std::vector<Difference> differences;  ///< by kind
  std::size_t classes = 0;              ///< of requests that were looked at
  bool complete = true;                 ///< false: more than diff_paths_max classes of paths
};

inline constexpr std::size_t diff_paths_max = 2'000'000;
inline constexpr std::size_t difference_sets_max = 1000;

/// Both policies outlive the answer and were compiled with the same upstreams.
[[nodiscard]] PolicyDiff diff(const Policy& before, const Policy& after);

/// What a rule demands, in words: "permission a and (role b or not group c)", "everybody", "nobody".
[[nodiscard]] std::string demand_text(const Rule* rule);

}  // namespace postern::policy
