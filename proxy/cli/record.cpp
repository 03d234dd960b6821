#include "proxy/cli/record.hpp"

#include <boost/json.hpp>

#include "conf/option.hpp"
#include "proxy/cli/assignment_options.hpp"
#include "store/instant.hpp"

namespace postern::cli {
namespace {

boost::json::value instant_or_null(UnixSeconds instant) {
  return instant == 0 ? boost::json::value() : boost::json::value(store::format_instant(instant));
}

boost::json::array texts(const std::vector<std::string>& list) {
  boost::json::array array;
  for (const std::string& text : list) array.emplace_back(text);
  return array;
}

void add(boost::json::object& record, const store::Assignments& assignments) {
  record["groups"] = texts(assignments.groups);
  record["roles"] = texts(assignments.roles);
  record["permissions"] = texts(assignments.permissions);
  record["licenses"] = texts(assignments.licenses);
  boost::json::array grants;
  for (const store::ResourceGrant& grant : assignments.grants) grants.emplace_back(to_string(grant));
  record["grants"] = std::move(grants);
}

const char* status_of(const store::User& user) noexcept {
  switch (user.status) {
    case store::UserStatus::enabled:
      return "enabled";
    case store::UserStatus::disabled:
      return "disabled";
    case store::UserStatus::enabled_until:
      return "enabled_until";
  }
  return "disabled";
}

}  // namespace

boost::json::object record_of(const store::Entity& entity) {
  boost::json::object record;
  record["id"] = entity.id;
  record["name"] = entity.name;
  record["description"] = entity.description;
  if (entity.kind == store::EntityKind::role) record["permissions"] = texts(entity.permissions);
  if (entity.kind == store::EntityKind::license) {
    const bool per_subject = entity.license_kind == store::LicenseKind::subject;
    record["kind"] = per_subject ? "subject" : "application";
    record["url"] = entity.url;
    record["enabled"] = entity.enabled;
    // The seats of a subject license: 0 is unlimited.
    record["max_subjects"] = per_subject ? boost::json::value(entity.max_subjects) : boost::json::value();
    record["subjects"] = per_subject ? boost::json::value(entity.subjects) : boost::json::value();
  }
  record["reserved"] = entity.reserved;
  return record;
}

boost::json::object record_of(const store::User& user) {
  boost::json::object record;
  record["id"] = user.id;
  record["name"] = user.name;
  record["email"] = user.email;
  record["status"] = status_of(user);
  record["enabled_until"] = user.status == store::UserStatus::enabled_until
                                ? instant_or_null(user.enabled_until)
                                : boost::json::value();
  record["created"] = instant_or_null(user.created);
  add(record, user.assignments);
  return record;
}

boost::json::object record_of(const store::Token& token, store::TokenState state) {
  boost::json::object record;
  record["id"] = token.id;
  record["name"] = token.name;
  record["description"] = token.description;
  record["state"] = store::to_string(state);
  record["enabled"] = token.enabled;
  record["created"] = instant_or_null(token.created);
  record["rotated"] = instant_or_null(token.rotated);
  record["not_before"] = instant_or_null(token.not_before);
  record["expires"] = instant_or_null(token.expires);
  record["imported"] = token.imported;
  record["canary"] = token.canary;
  record["owner"] = token.owner.empty() ? boost::json::value() : boost::json::value(token.owner);
  boost::json::array networks;
  for (const Network& network : token.networks) networks.emplace_back(postern::to_string(network));
  record["networks"] = std::move(networks);
  add(record, token.assignments);
  return record;
}

boost::json::object record_of(const store::AuditRecord& audit) {
  boost::json::object record;
  record["sequence"] = audit.sequence;
  record["time"] = store::format_instant(audit.time);
  record["actor"] = audit.actor;
  record["action"] = audit.action;
  record["target"] = audit.target;
  record["reason"] = audit.reason;
  boost::json::error_code unreadable;
  boost::json::value change = boost::json::parse(audit.change, unreadable);
  record["change"] = unreadable ? boost::json::value(audit.change) : std::move(change);
  record["hash"] = audit.hash;
  return record;
}

}  // namespace postern::cli
