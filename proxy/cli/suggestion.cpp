#include "proxy/cli/suggestion.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/log_report.hpp"
#include "proxy/cli/output.hpp"
#include "store/catalog_file.hpp"
#include "store/why.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
using policy::EntityKind;

template <class Texts>
std::string joined(const Texts& texts, std::string_view between = ",") {
  std::string text;
  for (const std::string& one : texts) text += (text.empty() ? "" : std::string(between)) + one;
  return text;
}

template <class Texts>
json::array array_of(const Texts& texts) {
  json::array array;
  for (const std::string& one : texts) array.emplace_back(one);
  return array;
}

std::vector<std::string> spelled(const std::vector<store::ResourceGrant>& grants) {
  std::vector<std::string> texts;
  for (const store::ResourceGrant& grant : grants) texts.push_back(to_string(grant));
  return texts;
}

/// A word of a shell's command line.
std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-,/=@:+").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + '\'';
}

std::string update_of(const SubjectUse& use) {
  return "postern " + use.type + " update " + shell_word(use.id);
}

/// "permission a.read, grant b.read=c, group d"
std::string lines_of(const store::Assignments& assignments) {
  std::vector<std::string> words;
  for (const std::string& id : assignments.permissions) words.push_back("permission " + id);
  for (const store::ResourceGrant& grant : assignments.grants) words.push_back("grant " + to_string(grant));
  for (const std::string& id : assignments.roles) words.push_back("role " + id);
  for (const std::string& id : assignments.groups) words.push_back("group " + id);
  for (const std::string& id : assignments.licenses) words.push_back("license " + id);
  return joined(words, ", ");
}

/// The options of `token update` and `user update` that give this.
std::string additions_of(const store::Assignments& lacking) {
  std::string words;
  if (!lacking.permissions.empty()) words += " --add-permission " + joined(lacking.permissions);
  for (const store::ResourceGrant& grant : lacking.grants)
    words += " --add-grant " + shell_word(to_string(grant));
  if (!lacking.roles.empty()) words += " --add-role " + joined(lacking.roles);
  if (!lacking.groups.empty()) words += " --add-group " + joined(lacking.groups);
  if (!lacking.licenses.empty()) words += " --add-license " + joined(lacking.licenses);
  return words;
}

bool contains(const std::vector<std::string>& list, const std::string& id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

template <class Texts>
bool is_same_set(const Texts& wanted, const std::vector<std::string>& held) {
  return std::set<std::string>(wanted.begin(), wanted.end()) ==
         std::set<std::string>(held.begin(), held.end());
}

void add_all(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const std::string& id : more)
    if (!contains(list, id)) list.push_back(id);
}

}  // namespace

Suggestion::Suggestion(const ObservedUse& use, const AskedPolicy& policy, const store::Store& store)
    : use_(use), policy_(policy), store_(store) {
  for (const policy::Rule& rule : policy.policy().rules()) shun_denied(rule.requirement, false);
  for (const auto& [key, one] : use.subjects()) subjects_.push_back(suggest_for(one));
  suggest_for_roles();
}

void Suggestion::shun_denied(const policy::Requirement& part, bool denied) {
  if (denied && part.kind == policy::RequirementKind::role) shunned_.insert(part.id);
  for (const policy::Requirement& child : part.children)
    shun_denied(child, denied || part.kind == policy::RequirementKind::negation);
}

std::set<std::string> Suggestion::permissions_of(const std::string& role) const {
  const policy::Catalog& names = policy_.names();
  const policy::Catalog::Entity* entity = names.find(EntityKind::role, names.handle(EntityKind::role, role));
  std::set<std::string> ids;
  if (entity == nullptr) return ids;
  entity->permissions.for_each([&](Handle handle) {
    if (const auto* permission = names.find(EntityKind::permission, handle)) ids.insert(permission->id);
  });
  return ids;
}

/// Roles that give nothing that is not needed, the one that gives most first; the rest is given directly.
/// None that some rule keeps out, unless it is held already.
void Suggestion::choose_roles(const std::set<std::string>& needed, ForSubject& subject) const {
  std::set<std::string> open = needed;
  for (const std::string& role : subject.roles)
    for (const std::string& permission : permissions_of(role)) open.erase(permission);
  std::vector<std::pair<std::string, std::set<std::string>>> fitting;
  for (const std::string_view id : policy_.names().ids(EntityKind::role)) {
    const std::string role(id);
    if (shunned_.contains(role) && !contains(subject.use->holdings.roles, role)) continue;
    std::set<std::string> gives = permissions_of(role);
    if (!gives.empty() && std::includes(needed.begin(), needed.end(), gives.begin(), gives.end()))
      fitting.emplace_back(id, std::move(gives));
  }
  for (;;) {
    const std::pair<std::string, std::set<std::string>>* best = nullptr;
    std::pair<std::size_t, bool> best_rank{0, false};
    for (const auto& role : fitting) {
      const auto fresh = std::count_if(role.second.begin(), role.second.end(),
                                       [&](const std::string& id) { return open.contains(id); });
      const std::pair<std::size_t, bool> rank{static_cast<std::size_t>(fresh),
                                              contains(subject.use->holdings.roles, role.first)};
      if (fresh == 0 || rank <= best_rank) continue;
      best = &role;
      best_rank = rank;
    }
    if (best == nullptr) break;
    subject.roles.insert(best->first);
    for (const std::string& id : best->second) open.erase(id);
  }
  subject.permissions = std::move(open);
}

void Suggestion::compare_with_held(ForSubject& subject) const {
  const SubjectUse& use = *subject.use;
  const policy::Catalog& names = policy_.names();
  const policy::HeldSubject held(use.holdings, names);
  const auto holds = [&](const std::string& permission) {
    return held.subject().holds_permission(names.handle(EntityKind::permission, permission));
  };
  for (const auto& [permission, where] : use.permissions) {
    if (holds(permission)) continue;
    if (where.everywhere) subject.lacking.permissions.push_back(permission);
    for (const std::string& resource : where.resources)
      if (!held.subject().holds_grant(names.handle(EntityKind::permission, permission), resource))
        subject.lacking.grants.push_back({permission, resource});
  }
  const auto add_lacking = [](const std::set<std::string>& needed, const std::vector<std::string>& present,
                              std::vector<std::string>& lacking) {
    for (const std::string& id : needed)
      if (!contains(present, id)) lacking.push_back(id);
  };
  add_lacking(use.roles, use.holdings.roles, subject.lacking.roles);
  add_lacking(use.groups, use.holdings.groups, subject.lacking.groups);
  add_lacking(use.licenses, use.holdings.licenses, subject.lacking.licenses);
  for (const std::string_view id : names.ids(EntityKind::permission))
    if (const std::string name(id); holds(name) && !use.permissions.contains(name))
      subject.idle.push_back(name);
}

Suggestion::ForSubject Suggestion::suggest_for(const SubjectUse& use) const {
  ForSubject subject;
  subject.use = &use;
  subject.roles = use.roles;
  std::set<std::string> everywhere;
  for (const auto& [permission, where] : use.permissions) {
    if (where.everywhere) everywhere.insert(permission);
    for (const std::string& resource : where.resources) subject.grants.push_back({permission, resource});
  }
  choose_roles(everywhere, subject);
  if (!use.known) return subject;
  compare_with_held(subject);

  std::string words;
  if (!is_same_set(subject.roles, use.holdings.roles))
    words += " --set-role " + shell_word(joined(subject.roles));
  if (!is_same_set(subject.permissions, use.holdings.permissions))
    words += " --set-permission " + shell_word(joined(subject.permissions));
  std::vector<std::string> grants;
  for (const policy::Holdings::ResourceGrant& grant : use.holdings.grants)
    grants.push_back(to_string(store::ResourceGrant{grant.permission, grant.resource}));
  if (!is_same_set(spelled(subject.grants), grants)) {
    if (subject.grants.empty()) words += " --set-grant ''";
    for (const std::string& grant : spelled(subject.grants)) words += " --set-grant " + shell_word(grant);
  }
  // Groups and licenses are told to the API, which may look at them: none is taken away.
  store::Assignments more;
  more.groups = subject.lacking.groups;
  more.licenses = subject.lacking.licenses;
  words += additions_of(more);
  if (!words.empty()) subject.command = update_of(use) + words;
  return subject;
}

std::size_t Suggestion::others_with(const std::string& role, const std::string& permission) const {
  store::WhoCanQuery query;
  query.permission = permission;
  query.limit = 1000;
  std::size_t others = 0;
  for (;;) {
    const auto page = store_.who_can(query);
    // Who cannot be asked is somebody else.
    if (!page) return others + 1;
    for (const store::Holder& holder : page->holders)
      if (contains(holder.roles, role) &&
          !use_.subjects().contains((holder.is_user ? "user " : "token ") + holder.id))
        ++others;
    if (page->holders.size() < query.limit) return others;
    query.after = (page->holders.back().is_user ? "user:" : "token:") + page->holders.back().id;
  }
}

void Suggestion::suggest_for_roles() {
  for (const std::string_view id : policy_.names().ids(EntityKind::role)) {
    ForRole role;
    role.id = id;
    const std::set<std::string> gives = permissions_of(role.id);
    std::set<std::string> used;
    for (const ForSubject& subject : subjects_) {
      if (!contains(subject.use->holdings.roles, role.id)) continue;
      ++role.holders;
      for (const auto& [permission, where] : subject.use->permissions)
        if (gives.contains(permission)) used.insert(permission);
    }
    if (role.holders == 0 || gives.empty()) continue;
    role.others = others_with(role.id, *gives.begin());
    for (const std::string& permission : gives)
      (used.contains(permission) ? role.used : role.idle).push_back(permission);
    roles_.push_back(std::move(role));
  }
}

std::string Suggestion::text(const LogReader& log) const {
  std::string text;
  for (const ForSubject& subject : subjects_) {
    const SubjectUse& use = *subject.use;
    text += use.type + ' ' + use.id + ": " + requests(use.requests);
    if (use.refusable > 0) text += ", " + std::to_string(use.refusable) + " of them without the right to";
    text += "\n  needs " + (use.permissions.empty() ? "no permission" : std::string("permission "));
    std::vector<std::string> needs;
    for (const auto& [permission, where] : use.permissions)
      needs.push_back(where.everywhere ? permission : permission + " on " + joined(where.resources, " and "));
    text += joined(needs, ", ") + '\n';
    if (const std::string lacks = lines_of(subject.lacking); !lacks.empty())
      text += "  lacks " + lacks + '\n';
    if (!subject.idle.empty()) text += "  never used " + joined(subject.idle, ", ") + '\n';
    if (!use.known) text += "  the store does not have it any more\n";
    if (!subject.command.empty()) text += "  " + subject.command + '\n';
  }
  for (const ForRole& role : roles_) {
    text += "role " + role.id + ": held by " + std::to_string(role.holders) + " of them";
    text += role.others == 0 ? "\n" : " and " + std::to_string(role.others) + " that the log does not name\n";
    if (!role.used.empty()) text += "  used " + joined(role.used, ", ") + '\n';
    if (!role.idle.empty()) text += "  never used " + joined(role.idle, ", ") + '\n';
  }
  text += requests(use_.counted()) + " of " + std::to_string(subjects_.size()) + " subjects looked at, " +
          std::to_string(use_.aside()) + " aside (denied, or without a valid token)\n";
  if (use_.hopeless() > 0)
    text += "that no right would let in under this policy: " + requests(use_.hopeless()) + '\n';
  if (use_.beyond() > 0)
    text += "of subjects beyond " + std::to_string(ObservedUse::subjects_max) +
            ", not looked at: " + requests(use_.beyond()) + '\n';
  return text + log_text(log);
}

json::object Suggestion::record(const LogReader& log) const {
  json::array subjects;
  for (const ForSubject& subject : subjects_) {
    const SubjectUse& use = *subject.use;
    subjects.push_back(
        json::object{{"type", use.type},
                     {"id", use.id},
                     {"known", use.known},
                     {"requests", use.requests},
                     {"without_the_right", use.refusable},
                     {"roles", array_of(subject.roles)},
                     {"permissions", array_of(subject.permissions)},
                     {"grants", array_of(spelled(subject.grants))},
                     {"groups", array_of(use.groups)},
                     {"licenses", array_of(use.licenses)},
                     {"lacking", json::object{{"permissions", array_of(subject.lacking.permissions)},
                                              {"grants", array_of(spelled(subject.lacking.grants))},
                                              {"roles", array_of(subject.lacking.roles)},
                                              {"groups", array_of(subject.lacking.groups)},
                                              {"licenses", array_of(subject.lacking.licenses)}}},
                     {"never_used", array_of(subject.idle)},
                     {"command", subject.command.empty() ? json::value() : json::value(subject.command)}});
  }
  json::array roles;
  for (const ForRole& role : roles_)
    roles.push_back(json::object{{"id", role.id},
                                 {"holders", role.holders},
                                 {"others", role.others},
                                 {"used", array_of(role.used)},
                                 {"never_used", array_of(role.idle)}});
  json::object record{{"subjects", std::move(subjects)}, {"roles", std::move(roles)},
                      {"counted", use_.counted()},       {"aside", use_.aside()},
                      {"hopeless", use_.hopeless()},     {"not_looked_at", use_.beyond()}};
  add_log(record, log);
  return record;
}

std::string Suggestion::catalog(const LogReader& log) const {
  std::string head =
      "# Proposed by postern policy suggest from " + requests(use_.counted()) + " of " +
      std::to_string(subjects_.size()) +
      " subjects.\n# Roles lose what nobody used through them, users get what they lack; first "
      "look: postern catalog apply FILE --dry-run\n";
  if (log.broken_count() > 0)
    head += "# " + std::to_string(log.broken_count()) + " lines of the log are broken.\n";
  store::Store::Declaration declaration;
  for (const ForRole& role : roles_) {
    if (role.idle.empty()) continue;
    head += "# role " + role.id + ": held by " + std::to_string(role.holders) + " of them, never used " +
            joined(role.idle, ", ");
    head +=
        role.others == 0 ? "\n" : "; left as it is, for " + std::to_string(role.others) + " others hold it\n";
    auto entity = store_.entity(EntityKind::role, role.id);
    if (role.others > 0 || !entity || entity->reserved) continue;
    entity->permissions = role.used;
    declaration.entities.push_back(std::move(*entity));
  }
  for (const ForSubject& subject : subjects_) {
    if (!subject.use->known || subject.lacking.empty()) continue;
    if (subject.use->type != "user") {
      head += "# lacks " + lines_of(subject.lacking) + ": " + update_of(*subject.use) +
              additions_of(subject.lacking) + '\n';
      continue;
    }
    auto user = store_.user(subject.use->id);
    if (!user) continue;
    add_all(user->assignments.permissions, subject.lacking.permissions);
    add_all(user->assignments.roles, subject.lacking.roles);
    add_all(user->assignments.groups, subject.lacking.groups);
    add_all(user->assignments.licenses, subject.lacking.licenses);
    for (const store::ResourceGrant& grant : subject.lacking.grants)
      user->assignments.grants.push_back(grant);
    declaration.users.push_back(std::move(*user));
  }
  return head + store::write_catalog(declaration);
}

}  // namespace postern::cli
