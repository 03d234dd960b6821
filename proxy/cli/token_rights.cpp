#include <algorithm>
#include <boost/json.hpp>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/why.hpp"

namespace postern::cli {
namespace {

using store::TokenRights;
using store::TokenState;

/// Why none of it counts now, as a sentence; empty when it does.
std::string blocked(const TokenRights& rights) {
  switch (rights.state) {
    case TokenState::valid:
      return {};
    case TokenState::disabled:
      return "the token is disabled";
    case TokenState::not_yet_valid:
      return "the token is not valid yet";
    case TokenState::expired:
      return "the token has expired";
    case TokenState::canary:
      return "the token is a canary, which opens nothing";
    case TokenState::owner_disabled:
      return "its owner " + rights.token.owner + " is disabled, or their time is over";
    default:
      return "its owner does not exist";
  }
}

/// "directly, through role shop.reader"
std::string ways_of(const store::HeldPermission& permission) {
  std::string ways = permission.directly ? "directly" : "";
  for (const std::string& role : permission.roles)
    ways += (ways.empty() ? "" : ", ") + ("through role " + role);
  return ways;
}

boost::json::object record_of(const TokenRights& rights) {
  const bool owned = !rights.token.owner.empty();
  const std::string why_not = blocked(rights);
  boost::json::array permissions;
  for (const store::HeldPermission& permission : rights.permissions)
    permissions.push_back(
        boost::json::object{{"id", permission.id},
                            {"directly", permission.directly},
                            {"roles", boost::json::array(permission.roles.begin(), permission.roles.end())}});
  boost::json::array grants, licenses;
  for (const store::ResourceGrant& grant : rights.held.grants) grants.emplace_back(to_string(grant));
  for (const store::HeldLicense& license : rights.licenses)
    licenses.push_back(boost::json::object{{"id", license.id}, {"enabled", license.enabled}});
  return {{"id", rights.token.id},
          {"name", rights.token.name},
          {"state", store::to_string(rights.state)},
          {"blocked", why_not.empty() ? boost::json::value() : boost::json::value(why_not)},
          {"through", owned ? boost::json::value("user:" + rights.token.owner) : boost::json::value()},
          {"permissions", std::move(permissions)},
          {"grants", std::move(grants)},
          {"roles", boost::json::array(rights.held.roles.begin(), rights.held.roles.end())},
          {"groups", boost::json::array(rights.held.groups.begin(), rights.held.groups.end())},
          {"licenses", std::move(licenses)}};
}

std::string heading(const TokenRights& rights) {
  const std::string why_not = blocked(rights);
  std::string text = "token " + rights.token.id;
  if (!rights.token.name.empty()) text += " (" + rights.token.name + ")";
  return text + (why_not.empty() ? ": valid" : ": may nothing now, since " + why_not) + '\n';
}

std::string owner_of(const TokenRights& rights) {
  return "user " + rights.token.owner + (rights.owner_name.empty() ? "" : " (" + rights.owner_name + ")");
}

std::string text_of(const TokenRights& rights) {
  std::string text = heading(rights);
  if (!rights.token.owner.empty()) text += "has the rights of its owner, " + owner_of(rights) + '\n';
  const auto line = [&text](std::string_view what, const std::string& id, const std::string& note) {
    text += "  " + std::string(what) + ' ' + id + (note.empty() ? "" : "  " + note) + '\n';
  };
  for (const store::HeldPermission& permission : rights.permissions)
    line("permission", permission.id, ways_of(permission));
  for (const store::ResourceGrant& grant : rights.held.grants)
    line("permission", grant.permission, "on " + grant.resource + " only");
  for (const std::string& id : rights.held.roles) line("role", id, {});
  for (const std::string& id : rights.held.groups) line("group", id, {});
  for (const store::HeldLicense& license : rights.licenses)
    line("license", license.id, license.enabled ? "" : "which is disabled");
  return text;
}

/// What stands below something else.
struct Node {
  std::string text;
  std::vector<Node> below;
};

std::string drawn(const std::vector<Node>& nodes, const std::string& indent) {
  std::string text;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const bool last = i + 1 == nodes.size();
    text += indent + (last ? "`- " : "|- ") + nodes[i].text + '\n';
    text += drawn(nodes[i].below, indent + (last ? "   " : "|  "));
  }
  return text;
}

std::string tree_of(const TokenRights& rights) {
  std::vector<Node> held;
  for (const std::string& role : rights.held.roles) {
    Node& node = held.emplace_back(Node{"role " + role, {}});
    for (const store::HeldPermission& permission : rights.permissions)
      if (std::find(permission.roles.begin(), permission.roles.end(), role) != permission.roles.end())
        node.below.push_back({"permission " + permission.id, {}});
  }
  for (const std::string& id : rights.held.permissions) held.push_back({"permission " + id, {}});
  for (const store::ResourceGrant& grant : rights.held.grants)
    held.push_back({"permission " + grant.permission + " on " + grant.resource + " only", {}});
  for (const std::string& id : rights.held.groups) held.push_back({"group " + id, {}});
  for (const store::HeldLicense& license : rights.licenses)
    held.push_back({"license " + license.id + (license.enabled ? "" : " (disabled)"), {}});
  if (rights.token.owner.empty()) return heading(rights) + drawn(held, "");
  return heading(rights) + drawn({Node{"owner " + owner_of(rights), std::move(held)}}, "");
}

int show_rights(Arguments& arguments) {
  std::string id;
  bool tree = false;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "the token's id");
  arguments.flag("--tree", tree, "draw what comes from where");
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (tree && output.json()) return arguments.usage_error("--tree and --json exclude each other");

  const auto store = access.open();
  if (!store) return exit_failed;
  const auto rights = store->token_rights(id, now());
  if (!rights) return fail(rights.error());
  if (output.json()) return output.record(record_of(*rights));
  return print(tree ? tree_of(*rights) : text_of(*rights));
}

}  // namespace

const Command token_rights{
    "token rights",
    "Tells what a token may do and why: directly, through which role, through its owner, or why nothing now.",
    "postern token rights tok_4f9Zk2LmQ8xR1bTa\n"
    "postern token rights tok_4f9Zk2LmQ8xR1bTa --tree",
    show_rights,
};

}  // namespace postern::cli
