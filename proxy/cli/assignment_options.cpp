#include "proxy/cli/assignment_options.hpp"

namespace postern::cli {
namespace {

constexpr const char* grant_placeholder = "PERMISSION=RESOURCE";

Arguments::Take take_grant(std::vector<store::ResourceGrant>& grants) {
  return [&grants](const std::string& given) -> std::string {
    auto grant = grant_of(given);
    if (!grant)
      return "\"" + given + "\" is no grant; write permission=resource, like project.read=project/42";
    grants.push_back(std::move(*grant));
    return {};
  };
}

Arguments::Take take_grant(std::optional<std::vector<store::ResourceGrant>>& grants) {
  return [&grants](const std::string& given) -> std::string {
    if (!grants) grants.emplace();
    return given.empty() ? "" : take_grant(*grants)(given);
  };
}

}  // namespace

void declare_assignments(Arguments& arguments, store::Assignments& assignments) {
  arguments.list("--group", "ID", assignments.groups, "group to be in; repeatable, or a comma list");
  arguments.list("--role", "ID", assignments.roles, "role to hold");
  arguments.list("--permission", "ID", assignments.permissions, "permission to hold directly");
  arguments.list("--license", "ID", assignments.licenses, "subject license to hold; takes a seat");
  arguments.value("--grant", grant_placeholder, take_grant(assignments.grants),
                  "a permission on one resource only", true);
}

void declare_assignment_change(Arguments& arguments, store::AssignmentChange& change) {
  arguments.list("--set-group", "ID", change.set_groups, "be in exactly these groups; '' for none");
  arguments.list("--add-group", "ID", change.add.groups, "be in these too");
  arguments.list("--remove-group", "ID", change.remove.groups, "be in these no more");
  arguments.list("--set-role", "ID", change.set_roles, "hold exactly these roles; '' for none");
  arguments.list("--add-role", "ID", change.add.roles, "hold these too");
  arguments.list("--remove-role", "ID", change.remove.roles, "hold these no more");
  arguments.list("--set-permission", "ID", change.set_permissions, "hold exactly these permissions directly");
  arguments.list("--add-permission", "ID", change.add.permissions, "hold these too");
  arguments.list("--remove-permission", "ID", change.remove.permissions, "hold these no more");
  arguments.list("--set-license", "ID", change.set_licenses, "hold exactly these subject licenses");
  arguments.list("--add-license", "ID", change.add.licenses, "hold these too");
  arguments.list("--remove-license", "ID", change.remove.licenses, "hold these no more");
  arguments.value("--set-grant", grant_placeholder, take_grant(change.set_grants),
                  "hold exactly these grants", true);
  arguments.value("--add-grant", grant_placeholder, take_grant(change.add.grants), "hold these too", true);
  arguments.value("--remove-grant", grant_placeholder, take_grant(change.remove.grants), "hold these no more",
                  true);
}

bool is_empty(const store::AssignmentChange& change) noexcept {
  return !change.set_groups && !change.set_roles && !change.set_permissions && !change.set_licenses &&
         !change.set_grants && change.add.empty() && change.remove.empty();
}

std::optional<store::ResourceGrant> grant_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) return std::nullopt;
  return store::ResourceGrant{text.substr(0, equals), text.substr(equals + 1)};
}

std::string to_string(const store::ResourceGrant& grant) {
  return grant.permission + '=' + grant.resource;
}

}  // namespace postern::cli
