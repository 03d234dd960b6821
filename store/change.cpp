#include "store/change.hpp"

#include <boost/json.hpp>

#include "conf/option.hpp"

namespace postern::store {
namespace {

namespace json = boost::json;

json::array to_json(const std::vector<std::string>& ids) {
  json::array array;
  for (const std::string& id : ids) array.emplace_back(id);
  return array;
}

void add_assignments(json::object& object, const Assignments& assignments) {
  object["groups"] = to_json(assignments.groups);
  object["roles"] = to_json(assignments.roles);
  object["permissions"] = to_json(assignments.permissions);
  object["licenses"] = to_json(assignments.licenses);
  json::array grants;
  for (const ResourceGrant& grant : assignments.grants)
    grants.emplace_back(grant.permission + "=" + grant.resource);
  object["grants"] = std::move(grants);
}

json::object to_json(const Entity& entity) {
  json::object object = {{"name", entity.name}, {"description", entity.description}};
  if (entity.kind == EntityKind::role) object["permissions"] = to_json(entity.permissions);
  if (entity.kind != EntityKind::license) return object;
  object["kind"] = entity.license_kind == LicenseKind::subject ? "subject" : "application";
  object["url"] = entity.url;
  object["enabled"] = entity.enabled;
  if (entity.license_kind == LicenseKind::subject) object["max_subjects"] = entity.max_subjects;
  return object;
}

std::string_view status_name(UserStatus status) noexcept {
  switch (status) {
    case UserStatus::enabled:
      return "enabled";
    case UserStatus::disabled:
      return "disabled";
    case UserStatus::enabled_until:
      return "enabled_until";
  }
  return "disabled";
}

json::object to_json(const User& user) {
  json::object object = {{"name", user.name}, {"email", user.email}, {"status", status_name(user.status)}};
  object["enabled_until"] = user.enabled_until;
  add_assignments(object, user.assignments);
  return object;
}

json::object to_json(const Token& token) {
  json::object object = {
      {"name", token.name},       {"description", token.description}, {"not_before", token.not_before},
      {"expires", token.expires}, {"enabled", token.enabled},         {"imported", token.imported},
      {"owner", token.owner},     {"canary", token.canary},           {"reuse_seen", token.reuse_seen}};
  json::array networks;
  for (const Network& network : token.networks) networks.emplace_back(to_string(network));
  object["networks"] = std::move(networks);
  add_assignments(object, token.assignments);
  return object;
}

bool says_nothing(const json::value& value) noexcept {
  if (const auto* text = value.if_string()) return text->empty();
  if (const auto* array = value.if_array()) return array->empty();
  if (const auto* number = value.if_int64()) return *number == 0;
  return false;
}

/// Of what appears or goes, everything that says something.
json::object whole(json::object object) {
  json::object kept;
  for (auto& [key, value] : object)
    if (!says_nothing(value)) kept[key] = std::move(value);
  return kept;
}

template <class T>
std::string describe(const T* before, const T* after) {
  json::object change;
  if (before == nullptr) {
    if (after != nullptr) change["after"] = whole(to_json(*after));
    return json::serialize(change);
  }
  json::object old = to_json(*before);
  if (after == nullptr) {
    change["before"] = whole(std::move(old));
    return json::serialize(change);
  }
  json::object was, is;
  for (auto& [key, value] : to_json(*after)) {
    if (old[key] == value) continue;
    was[key] = old[key];
    is[key] = value;
  }
  change["before"] = std::move(was);
  change["after"] = std::move(is);
  return json::serialize(change);
}

}  // namespace

std::string change_of(const Entity* before, const Entity* after) {
  return describe(before, after);
}
std::string change_of(const User* before, const User* after) {
  return describe(before, after);
}
std::string change_of(const Token* before, const Token* after) {
  return describe(before, after);
}

std::string rotation_change(UnixSeconds grace_until, UnixSeconds expires_before, UnixSeconds expires_after) {
  json::object after = {{"grace_until", grace_until}};
  json::object change;
  if (expires_before != expires_after) {
    change["before"] = json::object{{"expires", expires_before}};
    after["expires"] = expires_after;
  }
  change["after"] = std::move(after);
  return json::serialize(change);
}

std::string user_deletion(const User& before, std::size_t tokens) {
  return json::serialize(json::object{{"before", whole(to_json(before))}, {"tokens_deleted", tokens}});
}

std::string declaration_change(std::string_view before, std::string_view after) {
  return json::serialize(json::object{{"before", json::object{{"declared_in", before}}},
                                      {"after", json::object{{"declared_in", after}}}});
}

std::string tokens_deletion(std::size_t tokens) {
  return json::serialize(json::object{{"tokens_deleted", tokens}});
}

std::string batch_change(std::size_t count, std::string_view first, std::string_view last,
                         std::string_view ids_sha256) {
  return json::serialize(
      json::object{{"count", count}, {"first", first}, {"last", last}, {"ids_sha256", ids_sha256}});
}

}  // namespace postern::store
