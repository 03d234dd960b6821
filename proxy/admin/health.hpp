// What the admin listener tells: alive, ready, numbers. Written by the control thread only.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/rule_changes.hpp"

namespace postern::admin {

/// State of an upstream as /readyz tells it.
struct UpstreamHealth {
  std::string name;
  bool known = false;  ///< its names have been resolved at least once
  struct Address {
    std::string text;
    std::string_view state;  ///< "usable", "ejected" or "unhealthy"
  };
  std::vector<Address> addresses;
};

/// State of the process as /readyz tells it.
struct Health {
  bool draining = false;
  std::string store_problem;  ///< empty: it can be read
  std::vector<UpstreamHealth> upstreams;
  std::string reload_problem;             ///< empty: the files as they are now are in force
  std::string catalog_problem;            ///< empty: the store holds what the catalog file declares
  std::string headers_problem;            ///< empty: the headers files of upstreams are in force as they are
  std::string tls_problem;                ///< empty: certificates and keys as they are now are in force
  std::vector<std::string> tls_warnings;  ///< of those in force: out of their time
  std::vector<std::string> missing;  ///< "permission shop.orders.read": named by the policy, not in the store
  std::size_t rules = 0;
  bool files_watched = true;        ///< the system tells when files change; else we look now and then
  std::int64_t policy_since = 0;    ///< Unix seconds; when it came in force
  policy::RuleChanges last_change;  ///< what the last reload changed; empty before the first

  [[nodiscard]] bool ready() const noexcept;
};

/// The body of /readyz: JSON with `ready` and, when there is something to say, `problems` and `warnings`.
[[nodiscard]] std::string render_health(const Health& health);

}  // namespace postern::admin
