// What the admin listener tells: alive, ready, numbers. Written by the control thread only.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::admin {

/// State of the process as /readyz tells it.
struct Health {
  bool draining = false;
  std::string store_problem;         ///< empty: it can be read
  bool upstream_known = false;       ///< its name has been resolved at least once
  std::string reload_problem;        ///< empty: the files as they are now are in force
  std::vector<std::string> missing;  ///< "permission shop.orders.read": named by the policy, not in the store
  std::size_t rules = 0;

  [[nodiscard]] bool ready() const noexcept { return !draining && store_problem.empty() && upstream_known; }
};

/// The body of /readyz: JSON with `ready` and, when there is something to say, `problems` and `warnings`.
[[nodiscard]] std::string render_health(const Health& health);

}  // namespace postern::admin
