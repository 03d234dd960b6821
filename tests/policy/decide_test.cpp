// The verdict and its reason, for every kind of rule and every kind of caller.

#include "policy/decide.hpp"

#include <map>

#include "policy_text.hpp"

namespace postern::policy {
namespace {

using test::policy_of;

enum : Handle { p_read = 1, p_write = 2, r_clerk = 1, g_staff = 1, g_banned = 2, l_pro = 1, l_paused = 2 };
enum : Handle { l_site = 3, l_off = 4 };

Catalog shop() {
  Catalog catalog;
  const auto insert = [&catalog](EntityKind kind, Handle handle, std::string id) {
    Catalog::Entity entity;
    entity.id = std::move(id);
    catalog.insert(kind, handle, std::move(entity));
  };
  const auto license = [&catalog](Handle handle, std::string id, LicenseKind kind, bool enabled) {
    Catalog::Entity entity;
    entity.id = std::move(id);
    entity.license_kind = kind;
    entity.enabled = enabled;
    catalog.insert(EntityKind::license, handle, std::move(entity));
  };
  insert(EntityKind::permission, p_read, "read");
  insert(EntityKind::permission, p_write, "write");
  insert(EntityKind::role, r_clerk, "clerk");
  insert(EntityKind::group, g_staff, "staff");
  insert(EntityKind::group, g_banned, "banned");
  license(l_pro, "pro", LicenseKind::subject, true);
  license(l_paused, "paused", LicenseKind::subject, false);
  license(l_site, "site", LicenseKind::application, true);
  license(l_off, "off", LicenseKind::application, false);
  return catalog;
}

/// Everything a subject may hold, kept alive.
struct Caller {
  std::vector<Handle> permissions, roles, groups, licenses;
  std::vector<Grant> grants;

  [[nodiscard]] Subject subject(const Catalog& catalog) const {
    Subject subject;
    subject.type = SubjectType::token;
    subject.permissions = permissions;
    subject.roles = roles;
    subject.groups = groups;
    subject.licenses = licenses;
    subject.grants = grants;
    subject.catalog = &catalog;
    return subject;
  }
};

/// "allow granted", "deny missing_role clerk", "allow missing_role clerk (shadowed)".
std::string words(const Decision& decision) {
  std::string out = decision.verdict == Verdict::allow ? "allow " : "deny ";
  out += to_string(decision.reason);
  if (decision.unmet != nullptr) {
    out += ' ';
    out +=
        decision.unmet->id.empty() ? to_string(decision.unmet->kind) : std::string_view(decision.unmet->id);
  }
  if (decision.shadowed) out += " (shadowed)";
  return out;
}

/// Decides `GET path` by one rule, for a caller with a valid token.
std::string decided(const std::string& rule, const Caller& caller, std::string_view path = "/x",
                    const Catalog& catalog = shop()) {
  const auto policy = policy_of("  - " + rule + "\n");
  const test::Path canonical(path);
  const Match match = policy->match("", canonical.canonical, "GET");
  return words(decide(match, policy->bind(catalog), Credential::valid, caller.subject(catalog)));
}

TEST_CASE("every kind of rule for every state of the credential") {
  const auto policy = policy_of(R"(
  - {path: /open,    allow: anonymous}
  - {path: /closed,  deny: true}
  - {path: /any,     authenticated: true}
  - {path: /read,    permission: read}
  - {path: /not,     not: {group: banned}}
  - {path: /shadow,  permission: read, mode: shadow}
)");
  const Catalog catalog = shop();
  const Binding binding = policy->bind(catalog);
  const Subject holds_nothing = Caller{}.subject(catalog);

  struct Row {
    std::string path, absent, unusable, valid;
  };
  const std::vector<Row> rows = {
      {"/open", "allow anonymous", "allow anonymous", "allow anonymous"},
      {"/closed", "deny denied deny", "deny denied deny", "deny denied deny"},
      {"/any", "deny no_credential", "deny invalid_token", "allow granted"},
      {"/read", "deny no_credential", "deny invalid_token", "deny missing_permission read"},
      {"/not", "deny no_credential", "deny invalid_token", "allow granted"},
      {"/shadow", "deny no_credential", "deny invalid_token", "allow missing_permission read (shadowed)"},
      {"/no/rule", "deny no_credential", "deny invalid_token", "deny no_rule"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path);
    const test::Path path(row.path);
    const Match match = policy->match("", path.canonical, "GET");
    CHECK(words(decide(match, binding, Credential::absent, Subject{})) == row.absent);
    CHECK(words(decide(match, binding, Credential::unusable, Subject{})) == row.unusable);
    CHECK(words(decide(match, binding, Credential::valid, holds_nothing)) == row.valid);
    // What a caller without a valid token would hold is never looked at.
    const Subject holds_all = Caller{{p_read, p_write}, {r_clerk}, {g_staff}, {l_pro}, {}}.subject(catalog);
    CHECK(words(decide(match, binding, Credential::absent, holds_all)) == row.absent);
    CHECK(words(decide(match, binding, Credential::unusable, holds_all)) == row.unusable);
  }
}

TEST_CASE("401 is for what a token could change, 403 for what none can") {
  const auto policy = policy_of("  - {path: /a, permission: read}\n  - {path: /b, deny: true}\n");
  const Catalog catalog = shop();
  const Binding binding = policy->bind(catalog);
  const auto needs = [&](std::string_view raw, Credential credential) {
    const test::Path path(raw);
    const Match match = policy->match("", path.canonical, "GET");
    return decide(match, binding, credential, Caller{}.subject(catalog)).needs_credential();
  };
  CHECK(needs("/a", Credential::absent));
  CHECK(needs("/a", Credential::unusable));
  CHECK_FALSE(needs("/a", Credential::valid));
  CHECK_FALSE(needs("/b", Credential::absent));
  CHECK(needs("/c", Credential::absent));
  CHECK_FALSE(needs("/c", Credential::valid));
}

TEST_CASE("a decision carries its rule") {
  const auto policy = policy_of("  - {id: orders, path: /a, permission: read}\n");
  const test::Path path("/a");
  const Match match = policy->match("", path.canonical, "GET");
  CHECK(decide(match, Binding{}, Credential::absent, Subject{}).rule == &policy->rules()[0]);
}

TEST_CASE("the zero value of a decision denies") {
  const Decision decision;
  CHECK(decision.verdict == Verdict::deny);
  CHECK(words(decide(Match{}, Binding{}, Credential{}, Subject{})) == "deny no_credential");
}

TEST_CASE("single requirements") {
  struct Row {
    std::string demand;
    Caller caller;
    std::string decision;
  };
  const std::vector<Row> rows = {
      {"permission: read", {{p_read}, {}, {}, {}, {}}, "allow granted"},
      {"permission: read", {{p_write}, {}, {}, {}, {}}, "deny missing_permission read"},
      {"role: clerk", {{}, {r_clerk}, {}, {}, {}}, "allow granted"},
      {"role: clerk", {{}, {}, {}, {}, {}}, "deny missing_role clerk"},
      {"group: staff", {{}, {}, {g_staff}, {}, {}}, "allow granted"},
      {"group: staff", {{}, {}, {g_banned}, {}, {}}, "deny missing_group staff"},
      {"license: pro", {{}, {}, {}, {l_pro}, {}}, "allow granted"},
      {"license: pro", {{}, {}, {}, {}, {}}, "deny missing_license pro"},
      {"license: paused", {{}, {}, {}, {l_paused}, {}}, "deny missing_license paused"},
      {"license: site", {{}, {}, {}, {l_site}, {}}, "deny missing_license site"},
      {"application_license: site", {{}, {}, {}, {}, {}}, "allow granted"},
      {"client_certificate: true", {{}, {}, {}, {}, {}}, "deny requirement_not_met client_certificate"},
      {"not: {client_certificate: true}", {{}, {}, {}, {}, {}}, "allow granted"},
      {"application_license: off", {{}, {}, {}, {l_off}, {}}, "deny missing_license off"},
      {"application_license: pro", {{}, {}, {}, {l_pro}, {}}, "deny missing_license pro"},
      {"not: {group: banned}", {{}, {}, {g_banned}, {}, {}}, "deny requirement_not_met not"},
      {"not: {group: banned}", {{}, {}, {g_staff}, {}, {}}, "allow granted"},
      {"not: {not: {group: staff}}", {{}, {}, {g_staff}, {}, {}}, "allow granted"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.demand);
    CHECK(decided("{path: /x, " + row.demand + "}", row.caller) == row.decision);
  }
}

TEST_CASE("combined requirements, and the first term that is not met") {
  const Caller reader{{p_read}, {}, {g_staff}, {}, {}};
  const std::map<std::string, std::string> rows = {
      {"permission: read, group: staff", "allow granted"},
      {"permission: read, role: clerk, group: banned", "deny missing_role clerk"},
      {"all_of: [{permission: read}, {group: banned}, {role: clerk}]", "deny missing_group banned"},
      {"any_of: [{role: clerk}, {permission: read}]", "allow granted"},
      {"any_of: [{role: clerk}, {permission: write}]", "deny requirement_not_met any_of"},
      {"any_of: [{permission: write}, {permission: read, group: banned}, {group: staff, permission: read}]",
       "allow granted"},
      {"all_of: [{any_of: [{role: clerk}, {group: staff}]}, {not: {permission: write}}]", "allow granted"},
      {"all_of: [{any_of: [{role: clerk}, {group: banned}]}, {not: {permission: read}}]",
       "deny requirement_not_met any_of"},
      {"authenticated: true, permission: write", "deny missing_permission write"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.first);
    CHECK(decided("{path: /x, " + row.first + "}", reader) == row.second);
  }
}

TEST_CASE(
    "with a resource, a grant on exactly that resource is enough, and so is the permission everywhere") {
  const std::string rule = "{path: '/p/{project}/**', permission: read, resource: 'project/{project}'}";
  const Caller everywhere{{p_read}, {}, {}, {}, {}};
  const Caller granted{
      {}, {}, {}, {}, {{p_read, "project/42"}, {p_write, "project/43"}, {p_read, "project/a b"}}};
  CHECK(decided(rule, everywhere, "/p/7/x") == "allow granted");
  CHECK(decided(rule, granted, "/p/42") == "allow granted");
  CHECK(decided(rule, granted, "/p/42/x/y") == "allow granted");
  CHECK(decided(rule, granted, "/p/43") == "deny missing_permission read");
  CHECK(decided(rule, granted, "/p/4") == "deny missing_permission read");
  CHECK(decided(rule, granted, "/p/422") == "deny missing_permission read");
  // Compared decoded: however the client spells it, it is the same project.
  CHECK(decided(rule, granted, "/p/%34%32") == "allow granted");
  CHECK(decided(rule, granted, "/p/a%20b") == "allow granted");
  CHECK(decided(rule, granted, "/p/a+b") == "deny missing_permission read");
}

TEST_CASE("without a resource only the permission everywhere counts") {
  const Caller granted{{}, {}, {}, {}, {{p_read, "project/42"}, {p_read, ""}}};
  CHECK(decided("{path: '/p/{project}', permission: read}", granted, "/p/42") ==
        "deny missing_permission read");
}

TEST_CASE("a resource of several parts") {
  const std::string rule =
      "{path: '/o/{org}/p/{project}', permission: read, resource: 'org/{org}/project/{project}'}";
  const Caller granted{{}, {}, {}, {}, {{p_read, "org/acme/project/7"}}};
  CHECK(decided(rule, granted, "/o/acme/p/7") == "allow granted");
  CHECK(decided(rule, granted, "/o/acme/p/8") == "deny missing_permission read");
  CHECK(decided(rule, granted, "/o/7/p/acme") == "deny missing_permission read");
}

TEST_CASE("a resource longer than any grant is met by no grant") {
  const std::string rule = "{path: '/p/{project}', permission: read, resource: 'project/{project}'}";
  const std::string longest(limits::resource_bytes_max - std::string_view("project/").size(), 'a');
  const std::string resource = "project/" + longest;
  const Caller granted{{}, {}, {}, {}, {{p_read, resource}}};
  CHECK(decided(rule, granted, "/p/" + longest) == "allow granted");
  CHECK(decided(rule, granted, "/p/" + longest + "a") == "deny missing_permission read");
  CHECK(decided(rule, granted, "/p/" + std::string(4000, 'a')) == "deny missing_permission read");
}

TEST_CASE("a resource holds inside any_of and not") {
  const Caller granted{{}, {}, {}, {}, {{p_read, "p/1"}}};
  CHECK(decided("{path: '/{p}', any_of: [{role: clerk}, {permission: read}], resource: 'p/{p}'}", granted,
                "/1") == "allow granted");
  CHECK(decided("{path: '/{p}', not: {permission: read}, resource: 'p/{p}'}", granted, "/1") ==
        "deny requirement_not_met not");
}

TEST_CASE("what was deleted is a requirement that is not met, behind 'not' too") {
  Catalog empty;
  const Caller holds_all{{p_read}, {r_clerk}, {g_staff, g_banned}, {l_pro}, {}};
  const std::map<std::string, std::string> rows = {
      {"permission: read", "deny missing_permission read"},
      {"role: clerk", "deny missing_role clerk"},
      {"group: staff", "deny missing_group staff"},
      {"license: pro", "deny missing_license pro"},
      {"application_license: site", "deny missing_license site"},
      // Deleting the group of the banned must not let them in.
      {"not: {group: banned}", "deny requirement_not_met not"},
      {"not: {not: {group: banned}}", "deny requirement_not_met not"},
      {"not: {all_of: [{group: banned}, {authenticated: true}]}", "deny requirement_not_met not"},
      {"any_of: [{group: banned}, {authenticated: true}]", "allow granted"},
      {"not: {any_of: [{group: banned}, {authenticated: true}]}", "deny requirement_not_met not"},
      {"authenticated: true", "allow granted"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.first);
    CHECK(decided("{path: /x, " + row.first + "}", holds_all, "/x", empty) == row.second);
  }
}

TEST_CASE("a term that is surely not met is named before one that cannot be told") {
  Catalog catalog;
  Catalog::Entity clerk;
  clerk.id = "clerk";
  catalog.insert(EntityKind::role, r_clerk, clerk);
  CHECK(decided("{path: /x, all_of: [{group: gone}, {role: clerk}]}", {}, "/x", catalog) ==
        "deny missing_role clerk");
  CHECK(decided("{path: /x, not: {all_of: [{group: gone}, {role: clerk}]}}", {}, "/x", catalog) ==
        "allow granted");
}

TEST_CASE("a binding names what is missing") {
  const auto policy = policy_of(R"(
  - {path: /a, permission: read}
  - {path: /b, group: gone}
  - {path: /c, license: site}
)");
  const Binding binding = policy->bind(shop());
  REQUIRE(binding.handles.size() == 3);
  CHECK(binding.handles[0] == p_read);
  CHECK(binding.handles[1] == no_handle);
  CHECK(binding.handles[2] == no_handle);  // an application license is not the subject license that is meant
  CHECK(binding.missing == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("a binding that is not there grants nothing") {
  const auto policy = policy_of("  - {path: /a, permission: read}\n");
  const Catalog catalog = shop();
  const test::Path path("/a");
  const Match match = policy->match("", path.canonical, "GET");
  const Caller reader{{p_read}, {}, {}, {}, {}};
  CHECK(words(decide(match, Binding{}, Credential::valid, reader.subject(catalog))) ==
        "deny missing_permission read");
}

TEST_CASE("shadow mode lets every failed authorisation pass, and says what it would have said") {
  CHECK(decided("{path: /x, role: clerk, mode: shadow}", {}) == "allow missing_role clerk (shadowed)");
  CHECK(decided("{path: /x, any_of: [{role: clerk}], mode: shadow}", {}) ==
        "allow requirement_not_met any_of (shadowed)");
  CHECK(decided("{path: /x, role: clerk, mode: shadow}", {{}, {r_clerk}, {}, {}, {}}) == "allow granted");
  CHECK(decided("{path: /x, role: clerk, mode: enforce}", {}) == "deny missing_role clerk");
}

TEST_CASE("reasons are stable words") {
  CHECK(to_string(Reason::no_rule) == "no_rule");
  CHECK(to_string(Reason::denied) == "denied");
  CHECK(to_string(Reason::no_credential) == "no_credential");
  CHECK(to_string(Reason::invalid_token) == "invalid_token");
  CHECK(to_string(Reason::missing_permission) == "missing_permission");
  CHECK(to_string(Reason::missing_role) == "missing_role");
  CHECK(to_string(Reason::missing_group) == "missing_group");
  CHECK(to_string(Reason::missing_license) == "missing_license");
  CHECK(to_string(Reason::requirement_not_met) == "requirement_not_met");
  CHECK(to_string(Reason::anonymous) == "anonymous");
  CHECK(to_string(Reason::granted) == "granted");
}

}  // namespace
}  // namespace postern::policy
