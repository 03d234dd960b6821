// Which rights a request needs: the smallest set of rights with which its rule would let it in.

#pragma once

#include <optional>
#include <set>
#include <string>

#include "policy/decide.hpp"

namespace postern::cli {

struct NeededRight {
  policy::RequirementKind kind = policy::RequirementKind::permission;  ///< or role, group, license
  std::string id;
  std::string resource;  ///< a grant on it is enough; empty: only the permission itself

  auto operator<=>(const NeededRight&) const = default;
};
using NeededRights = std::set<NeededRight>;

/// Of `any_of` what the subject holds is taken, else what takes the fewest rights; what comes first in the
/// file breaks a tie. Nothing when no right lets it in: `deny: true`, another owner, no certificate. What is
/// not the subject's (an application license) and what must not be held (`not`) is left aside.
[[nodiscard]] std::optional<NeededRights> needed_rights(const policy::Match& match,
                                                        const policy::Binding& binding,
                                                        const policy::Subject& subject);

}  // namespace postern::cli
