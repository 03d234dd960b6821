// What a running server takes in when it changes: policy and configuration, catalog, certificates.

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <sys/stat.h>

#include "proxy/admin/running_server.hpp"
#include "proxy/operator_log.hpp"

namespace postern {

std::vector<std::string> Server::files_to_watch() const {
  std::vector<std::string> files = sources_.files;
  files.insert(files.end(), sources_.policy.files.begin(), sources_.policy.files.end());
  if (!catalog_.file().empty()) files.push_back(catalog_.file());
  if (certificates_.in_force()) {
    const std::vector<std::string> pems = admin::Certificates::files(config().tls);
    files.insert(files.end(), pems.begin(), pems.end());
  }
  return files;
}

void Server::watch_files() {
  const bool watched = watch_.watch(files_to_watch());
  if (watched != health_.files_watched)
    operator_log(watched ? LogLevel::info : LogLevel::warning,
                 watched ? "the directories of policy, configuration and certificates are watched again"
                         : "cannot watch the directories of policy, configuration and certificates; they are "
                           "looked at every two seconds");
  health_.files_watched = watched;
  metrics_.files_watched = watched;
}

/// Where nobody tells us when a file is closed, what stayed as it was from one look to the next is taken for
/// whole.
void Server::poll_files() {
  std::string stamps;
  for (const std::string& file : files_to_watch()) {
    struct stat found = {};
    if (::stat(file.c_str(), &found) != 0) found = {};
    for (const long part : {static_cast<long>(found.st_ino), static_cast<long>(found.st_size),
                            found.st_mtim.tv_sec, found.st_mtim.tv_nsec})
      stamps += std::to_string(part) + ' ';
  }
  const bool settled = stamps == polled_;
  polled_ = std::move(stamps);
  if (settled) on_files_changed();
}

void Server::on_files_changed() {
  // What a reload, refused or not, brings among the files was not yet watched when it was read: another look
  // then.
  for (std::vector<std::string> watched; watched != files_to_watch();) {
    watched = files_to_watch();
    watch_files();  // a swapped link leads elsewhere now
    if (catalog_.changed()) apply_catalog();
    const admin::Sources now = admin::read_sources(options_.sources, config(), sources_.policy);
    if (now.text != sources_.text || now.policy.text != sources_.policy.text) reload();
    if (certificates_.in_force() && certificates_.changed(config().tls)) reload_certificates();
  }
}

/// On request, with the supervisor told when it begins and ends.
void Server::reload_all() {
  supervisor_.reloading();
  apply_catalog();  // first: the policy may speak of what it brings
  reload();
  reload_certificates();
  on_files_changed();  // meanwhile, or among files that were not watched before
  tell_ready();
}

void Server::tell_ready() {
  if (health_.draining) return;
  std::string status = std::to_string(ruleset_->policy->rules().size()) + " rules in force";
  const bool refused =
      !health_.reload_problem.empty() || !health_.catalog_problem.empty() || !health_.tls_problem.empty();
  if (refused) status += "; the last reload was refused, see the log";
  supervisor_.ready(status);
}

void Server::on_file_stalled(const std::string& file) {
  operator_log(
      LogLevel::warning,
      file + " is being written and was not closed yet: no file is read again before that, or SIGHUP");
}

void Server::apply_catalog() {
  if (catalog_.file().empty()) return;
  const auto applied = catalog_.apply(store_, "catalog file changed");
  health_.catalog_problem = applied ? std::string() : applied.error().message;
  metrics_.last_catalog_ok = applied.has_value();
  if (!applied) {
    operator_log(LogLevel::error, "catalog refused, the store stays as it was: " + applied.error().message);
    return;
  }
  operator_log(LogLevel::info, *applied);
  // What the policy could not be bound to before may be there now.
  if (!health_.reload_problem.empty()) reload();
  look_at_store();
}

void Server::reload_certificates() {
  if (!certificates_.in_force()) return;
  if (const Status loaded = certificates_.load(config().tls); !loaded) {
    health_.tls_problem = loaded.error().message;
    metrics_.tls_reload_failures.add();
    operator_log(LogLevel::error,
                 "new certificates refused, the last good ones stay in force: " + loaded.error().message);
    return;
  }
  certificates_in_force();
  metrics_.tls_reloads.add();
  for (const auto& shard : shards_) shard->use(certificates_.in_force());
  operator_log(LogLevel::info, "certificates read again: in force for new connections");
}

/// One store of a pointer, which each shard looks at before it judges: from here on no request is judged by
/// the old ruleset on any of them. The old one lives until each shard has said that it has gone over.
void Server::put_in_force(admin::Ruleset ruleset) {
  superseded_.push_back({std::exchange(ruleset_, std::move(ruleset)), shards_.size()});
  shared_.newest.store(ruleset_.get(), std::memory_order_release);
  for (const auto& shard : shards_)
    shard->use_newest(
        [this, old = superseded_.back().ruleset.get()] { asio::post(io_, [this, old] { let_go(old); }); });
}

/// Shards go over in order, so whoever has left this one has left those before it.
void Server::let_go(const Snapshot* old) {
  const auto found = std::find_if(superseded_.begin(), superseded_.end(),
                                  [old](const Superseded& one) { return one.ruleset.get() == old; });
  POSTERN_CHECK(found != superseded_.end());
  if (--found->shards == 0) superseded_.erase(found);
}

void Server::tell_changes(const policy::RuleChanges& changes) {
  metrics_.rules_added.add(changes.added.size());
  metrics_.rules_removed.add(changes.removed.size());
  metrics_.rules_changed.add(changes.changed.size());
  health_.last_change = changes;
  health_.policy_since = metrics_.last_reload_time;
  operator_log(LogLevel::info, "reloaded: " + std::to_string(ruleset_->policy->rules().size()) +
                                   " rules in force, " + policy::to_string(changes));
}

void Server::reload() {
  if (options_.config.dev) return;
  admin::ReloadNotes notes;
  admin::Problem problem;
  // Remembered even when refused, so that a broken file is not reported again with every event in its
  // directory.
  sources_ = admin::read_sources(options_.sources, config(), sources_.policy);
  auto ruleset = admin::reload_ruleset(options_.sources, *ruleset_, store_, sources_.policy, notes, problem);
  if (!ruleset) {
    health_.reload_problem = problem.places;
    metrics_.reload_failures.add();
    metrics_.last_reload_ok = false;
    operator_log(LogLevel::error,
                 "reload refused, the last good policy and configuration stay in force:\n" + problem.text);
    return;
  }
  const policy::RuleChanges changes = policy::rule_changes(*ruleset_->policy, *ruleset->policy);
  put_in_force(std::move(ruleset));
  health_.reload_problem.clear();
  metrics_.reloads.add();
  metrics_.last_reload_ok = true;
  metrics_.last_reload_time = std::time(nullptr);
  set_operator_log_level(config().log_level);
  tell_changes(changes);
  if (!notes.restart.empty())
    operator_log(LogLevel::warning, "changed, but needs a restart: " + notes.restart);
  health_.headers_problem = notes.kept;
  if (!notes.kept.empty())
    operator_log(
        LogLevel::error,
        "an upstream keeps the headers it had, or the certificates, since a file is broken:\n" + notes.kept);
  look_at_store();
}

}  // namespace postern
