// A first policy for an API, from its document: a rule for every operation, the permissions that the rules
// demand, and a reader, a writer and an administrator for each tag. What a person then makes of it is theirs.

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policy/openapi.hpp"

namespace postern::policy {

struct ProposedRule {
  std::string id;
  std::string path;  ///< a template as a policy has it
  std::string method;
  std::string group;  ///< id made from the tag, or from the path where there is none
  std::vector<std::string>
      permissions;          ///< all of them are demanded; none: nobody may pass, or with `open` everybody
  bool open = false;        ///< everybody may pass
  bool undeclared = false;  ///< the document declares no security
  /// The operations it governs: several only where no rule could tell them apart (`/{id}.json`, `/{name}`).
  std::vector<const Operation*> operations;
};

struct ProposedPermission {
  std::string id, name, group;  ///< no name: the document's own permission
};

struct ProposedRole {
  std::string id, name;
  std::vector<std::string> permissions;
};

struct Proposal {
  std::vector<ProposedRule> rules;  ///< those of one group stand together
  std::vector<ProposedPermission> permissions;
  std::vector<ProposedRole> roles;
};

/// `open`: what declares no security is for everybody, else it is guarded as everything is. Operations
/// outlive the answer; those that no request reaches are left out. An `x-permission` that is no id is a
/// mistake.
[[nodiscard]] Proposal propose(const yaml::Document& document, const std::vector<Operation>& operations,
                               bool open, Diagnostics& diagnostics);

/// The items of `rules`, `permissions` and `roles` as block lists, each line behind `indentation` blanks.
[[nodiscard]] std::string rules_text(const std::vector<ProposedRule>& rules, std::size_t indentation);
[[nodiscard]] std::string permissions_text(const std::vector<ProposedPermission>& permissions,
                                           std::size_t indentation);
[[nodiscard]] std::string roles_text(const std::vector<ProposedRole>& roles, std::size_t indentation);

/// A request that a rule governs: "/orders/other", or with a host before it.
using Examples = std::map<std::string, std::string>;

/// Cases for `policy test`, two a rule: who may, and who may not. With `roles` the subjects are those, by
/// name, else they are written out. Rules without an example have none.
[[nodiscard]] std::string cases_text(const std::vector<ProposedRule>& rules,
                                     const std::vector<ProposedRole>& roles, const Examples& examples,
                                     std::size_t indentation);
/// The subjects that they speak of.
[[nodiscard]] std::string subjects_text(const std::vector<ProposedRole>& roles, std::size_t indentation);

/// Of one rule at most; where more operations than this cannot be told apart, the rule is closed.
inline constexpr std::size_t proposed_permissions_max = 16;

}  // namespace postern::policy
