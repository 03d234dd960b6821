#include "proxy/admin/health.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace postern::admin {
namespace {

boost::json::object changes_of(const policy::RuleChanges& changes) {
  boost::json::object told;
  const auto tell = [&told](const char* what, const std::vector<std::string>& ids) {
    boost::json::array named;
    for (std::size_t i = 0; i < ids.size() && i < policy::names_shown_max; ++i) named.emplace_back(ids[i]);
    told[what] = boost::json::object{{"count", ids.size()}, {"rules", std::move(named)}};
  };
  tell("added", changes.added);
  tell("removed", changes.removed);
  tell("changed", changes.changed);
  return told;
}

}  // namespace

bool Health::ready() const noexcept {
  const bool all_known = std::all_of(upstreams.begin(), upstreams.end(),
                                     [](const UpstreamHealth& upstream) { return upstream.known; });
  return !draining && store_problem.empty() && all_known;
}

std::string render_health(const Health& health) {
  boost::json::array problems;
  boost::json::array warnings;
  if (health.draining) problems.emplace_back("draining: the process is going down");
  for (const UpstreamHealth& upstream : health.upstreams)
    if (!upstream.known)
      problems.emplace_back("upstream " + upstream.name + ": its name has not been resolved yet");
  if (!health.store_problem.empty()) problems.emplace_back("store: " + health.store_problem);
  if (!health.reload_problem.empty())
    warnings.emplace_back("reload refused, the last good policy and configuration stay in force: " +
                          health.reload_problem);
  if (!health.catalog_problem.empty())
    warnings.emplace_back("catalog refused, the store stays as it was: " + health.catalog_problem);
  if (!health.headers_problem.empty())
    warnings.emplace_back(
        "an upstream keeps the headers it had, or the certificates, since a file is broken: " +
        health.headers_problem);
  if (!health.tls_problem.empty())
    warnings.emplace_back("new certificates refused, the last good ones stay in force: " +
                          health.tls_problem);
  if (!health.files_watched)
    warnings.emplace_back("files cannot be watched; they are looked at every two seconds");
  for (const std::string& warning : health.tls_warnings) warnings.emplace_back(warning);
  for (const std::string& missing : health.missing)
    warnings.emplace_back("the policy names " + missing + ", which the store does not have: nobody meets it");
  boost::json::object upstreams;
  for (const UpstreamHealth& upstream : health.upstreams) {
    boost::json::object states;
    for (const UpstreamHealth::Address& address : upstream.addresses) states[address.text] = address.state;
    const bool none_usable =
        !states.empty() &&
        std::none_of(states.begin(), states.end(), [](const auto& one) { return one.value() == "usable"; });
    if (none_usable)
      warnings.emplace_back("upstream " + upstream.name +
                            ": none of its addresses is usable; the one that failed longest ago is tried");
    upstreams[upstream.name] = std::move(states);
  }
  boost::json::object body{
      {"ready", health.ready()}, {"rules", health.rules}, {"upstreams", std::move(upstreams)}};
  body["policy"] = boost::json::object{{"in_force_since", health.policy_since},
                                       {"is_latest", health.reload_problem.empty()},
                                       {"last_change", changes_of(health.last_change)}};
  if (!problems.empty()) body["problems"] = std::move(problems);
  if (!warnings.empty()) body["warnings"] = std::move(warnings);
  return boost::json::serialize(body) + "\n";
}

}  // namespace postern::admin
