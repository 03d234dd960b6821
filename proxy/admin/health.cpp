#include "proxy/admin/health.hpp"

#include <boost/json.hpp>

namespace postern::admin {

std::string render_health(const Health& health) {
  boost::json::array problems;
  boost::json::array warnings;
  if (health.draining) problems.emplace_back("draining: the process is going down");
  if (!health.upstream_known) problems.emplace_back("upstream: its name has not been resolved yet");
  if (!health.store_problem.empty()) problems.emplace_back("store: " + health.store_problem);
  if (!health.reload_problem.empty())
    warnings.emplace_back("reload refused, the last good policy and configuration stay in force: " +
                          health.reload_problem);
  for (const std::string& missing : health.missing)
    warnings.emplace_back("the policy names " + missing + ", which the store does not have: nobody meets it");
  boost::json::object body{{"ready", health.ready()}, {"rules", health.rules}};
  if (!problems.empty()) body["problems"] = std::move(problems);
  if (!warnings.empty()) body["warnings"] = std::move(warnings);
  return boost::json::serialize(body) + "\n";
}

}  // namespace postern::admin
