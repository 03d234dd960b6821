// Every rule of deploy/example against every kind of subject, as one page that is reviewed: what a change of
// policy or catalog opens or closes is a diff of deploy/example/matrix.md.

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "policy/decide.hpp"
#include "policy/held_subject.hpp"
#include "store/catalog_file.hpp"

namespace postern::store {
namespace {

using policy::Credential;
using policy::EntityKind;

const std::string example = POSTERN_SOURCE_DIR "/deploy/example/";

/// A column of the page.
struct Somebody {
  std::string name;
  Credential credential = Credential::valid;
  policy::Holdings holdings;
};

policy::Catalog catalog_of(const Store::Declaration& declaration) {
  policy::Catalog catalog;
  const auto add = [&catalog](const Entity& entity) {
    policy::Catalog::Entity added;
    added.id = entity.id;
    added.license_kind = entity.license_kind;
    added.enabled = entity.enabled;
    for (const std::string& id : entity.permissions)
      added.permissions.insert(catalog.handle(EntityKind::permission, id));
    policy::add_entity(catalog, entity.kind, std::move(added));
  };
  for (const Entity& entity : declaration.entities)
    if (entity.kind != EntityKind::role) add(entity);
  for (const Entity& entity : declaration.entities)
    if (entity.kind == EntityKind::role) add(entity);
  return catalog;
}

/// Nobody, tokens of no use, tokens without rights, and each thing of the catalog held alone.
std::vector<Somebody> everybody(const Store::Declaration& declaration) {
  std::vector<Somebody> all{{"no token", Credential::absent, {}},
                            {"bad token", Credential::unusable, {}},
                            {"no rights", Credential::valid, {}}};
  for (const Entity& entity : declaration.entities) {
    Somebody holder{std::string(to_string(entity.kind)) + " " + entity.id, Credential::valid, {}};
    if (entity.kind == EntityKind::permission) holder.holdings.permissions = {entity.id};
    if (entity.kind == EntityKind::role) holder.holdings.roles = {entity.id};
    if (entity.kind == EntityKind::group) holder.holdings.groups = {entity.id};
    if (entity.kind == EntityKind::license) holder.holdings.licenses = {entity.id};
    all.push_back(std::move(holder));
  }
  Somebody user = all.back();
  user.name += ", a user";
  user.holdings.type = policy::SubjectType::user;
  user.holdings.id = "alice";
  all.push_back(std::move(user));
  return all;
}

/// Paths that a rule governs: parameters filled in, and of `**` nothing and something.
std::vector<std::string> paths_of(const policy::Rule& rule) {
  std::string path;
  for (const policy::TemplateSegment& segment : rule.segments) {
    if (segment.kind == policy::TemplateSegment::Kind::rest) return {path, path + "/x"};
    path += "/" + (segment.kind == policy::TemplateSegment::Kind::param ? "7" : segment.text);
  }
  return {path};
}

std::vector<std::string> methods_of(const policy::Rule& rule) {
  return rule.methods.empty() ? std::vector<std::string>{"GET", "PUT"} : rule.methods;
}

std::string cell(const policy::Decision& decision) {
  if (decision.verdict == policy::Verdict::allow) return decision.shadowed ? "shadow" : "yes";
  const bool unknown =
      decision.reason == policy::Reason::no_credential || decision.reason == policy::Reason::invalid_token;
  return unknown ? "401" : "403";
}

std::string page() {
  Diagnostics diagnostics;
  const yaml::Document catalog_file = yaml::load(example + "catalog.yaml", diagnostics);
  const Store::Declaration declaration = parse_catalog(catalog_file, diagnostics);
  const policy::Catalog catalog = catalog_of(declaration);
  const yaml::Document policy_file = yaml::load(example + "policy.yaml", diagnostics);
  const auto policy = policy::Policy::compile(policy_file, &catalog, diagnostics);
  REQUIRE_MESSAGE(policy != nullptr, yaml::render(diagnostics, {&catalog_file, &policy_file}));
  const policy::Binding binding = policy->bind(catalog);
  const std::vector<Somebody> subjects = everybody(declaration);

  std::ostringstream out;
  out << "# Who may do what\n\n"
         "Every rule of `policy.yaml` against every kind of subject: nobody, a token of no use, one without "
         "rights, and one "
         "for each thing of\n`catalog.yaml`, held alone. Made by `tests/store/example_matrix_test.cpp`, "
         "which fails when this "
         "page is not true.\n\n| rule | request |";
  for (const Somebody& somebody : subjects) out << ' ' << somebody.name << " |";
  out << "\n|---|---|";
  for (std::size_t i = 0; i < subjects.size(); ++i) out << "---|";
  out << '\n';

  const auto row = [&](const std::string& name, const std::string& method, const std::string& raw) {
    std::string buffer(raw.size(), '\0');
    policy::CanonicalPath path;
    REQUIRE(policy::canonical_path(raw, buffer, path) == policy::TargetError::none);
    const policy::Match match = policy->match("", path, method);
    CHECK((match.rule == nullptr ? "none" : match.rule->id) == name);
    out << "| " << name << " | " << method << ' ' << raw << " |";
    for (const Somebody& somebody : subjects) {
      const policy::HeldSubject held(somebody.holdings, catalog);
      const bool known = somebody.credential == Credential::valid;
      const policy::Decision decision =
          policy::decide(match, binding, somebody.credential, known ? held.subject() : policy::Subject{});
      out << ' ' << cell(decision) << " |";
    }
    out << '\n';
  };
  for (const policy::Rule& rule : policy->rules())
    for (const std::string& method : methods_of(rule))
      for (const std::string& path : paths_of(rule)) row(rule.id, method, path);
  row("none", "GET", "/elsewhere");
  row("none", "PATCH", "/api/v1/events/7");
  return out.str();
}

TEST_CASE("the page of who may do what in deploy/example is true") {
  // Rewritten by: POSTERN_UPDATE_GOLDEN=1 store_tests -tc='the page of who*'
  const std::string file = example + "matrix.md";
  const std::string now = page();
  if (std::getenv("POSTERN_UPDATE_GOLDEN") != nullptr) std::ofstream(file) << now;
  std::ostringstream expected;
  expected << std::ifstream(file).rdbuf();
  CHECK(now == expected.str());
}

}  // namespace
}  // namespace postern::store
