#include <algorithm>
#include <boost/json.hpp>

#include "conf/option.hpp"
#include "store/catalog_file.hpp"
#include "store/instant.hpp"

namespace postern::store {
namespace {

/// A text in double quotes. JSON's escapes are YAML's too.
std::string text(std::string_view value) {
  return boost::json::serialize(boost::json::string_view(value.data(), value.size()));
}

/// One entry of a list: a flow mapping on one line.
class Entry {
 public:
  void plain(std::string_view key, std::string_view value) {
    line_ += (line_.empty() ? "" : ", ") + std::string(key) + ": " + std::string(value);
  }
  void say(std::string_view key, std::string_view value) {
    if (!value.empty()) plain(key, text(value));
  }
  void say(std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    std::string list;
    for (const std::string& value : values) list += (list.empty() ? "" : ", ") + text(value);
    plain(key, "[" + list + "]");
  }
  void say_time(std::string_view key, UnixSeconds time) {
    if (time != 0) plain(key, text(format_instant(time)));
  }
  void say(const Assignments& assignments) {
    say("groups", assignments.groups);
    say("roles", assignments.roles);
    say("permissions", assignments.permissions);
    say("licenses", assignments.licenses);
    std::vector<std::string> grants;
    for (const ResourceGrant& grant : assignments.grants)
      grants.push_back(grant.permission + "=" + grant.resource);
    say("grants", grants);
  }
  [[nodiscard]] std::string line() const { return "  - {" + line_ + "}\n"; }

 private:
  std::string line_;
};

std::string line_of(const Entity& entity) {
  Entry entry;
  entry.say("id", entity.id);
  if (entity.kind == EntityKind::license) {
    const bool per_subject = entity.license_kind == LicenseKind::subject;
    entry.plain("kind", per_subject ? "subject" : "application");
    if (entity.max_subjects != 0) entry.plain("max_subjects", std::to_string(entity.max_subjects));
    if (!entity.enabled) entry.plain("enabled", "false");
    entry.say("url", entity.url);
  }
  entry.say("name", entity.name);
  entry.say("description", entity.description);
  entry.say("permissions", entity.permissions);
  return entry.line();
}

std::string line_of(const User& user) {
  Entry entry;
  entry.say("id", user.id);
  entry.say("name", user.name);
  entry.say("email", user.email);
  if (user.status == UserStatus::disabled) entry.plain("status", "disabled");
  if (user.status == UserStatus::enabled_until) entry.say_time("status", user.enabled_until);
  entry.say(user.assignments);
  return entry.line();
}

std::string line_of(const TokenSpec& token) {
  Entry entry;
  entry.say("id", token.id);
  entry.say("name", token.name);
  entry.say("description", token.description);
  entry.say("sha256", token.secret_sha256);
  entry.say("owner", token.owner);
  if (!token.enabled) entry.plain("enabled", "false");
  if (token.canary) entry.plain("canary", "true");
  entry.say_time("not_before", token.not_before);
  entry.say_time("expires", token.expires);
  std::vector<std::string> networks;
  for (const Network& network : token.networks) networks.push_back(to_string(network));
  entry.say("networks", networks);
  entry.say(token.assignments);
  return entry.line();
}

}  // namespace

std::string write_catalog(const Store::Declaration& declaration) {
  std::string out = "version: 1\n";
  constexpr std::pair<EntityKind, std::string_view> lists[] = {{EntityKind::permission, "permissions"},
                                                               {EntityKind::role, "roles"},
                                                               {EntityKind::group, "groups"},
                                                               {EntityKind::license, "licenses"}};
  for (const auto& [kind, name] : lists) {
    std::string lines;
    for (const Entity& entity : declaration.entities)
      if (entity.kind == kind) lines += line_of(entity);
    if (!lines.empty()) out += std::string(name) + ":\n" + lines;
  }
  if (!declaration.users.empty()) out += "users:\n";
  for (const User& user : declaration.users) out += line_of(user);
  if (!declaration.tokens.empty()) out += "tokens:\n";
  for (const TokenSpec& token : declaration.tokens) out += line_of(token);
  return out;
}

}  // namespace postern::store
