#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <set>

#include "conf/yaml_addition.hpp"
#include "policy/proposal.hpp"
#include "policy/prove.hpp"
#include "proxy/admin/policy_reader.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/openapi_source.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/text_file.hpp"
#include "store/catalog_file.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;
using policy::Proposal;
using policy::ProposedPermission;
using policy::ProposedRole;
using policy::ProposedRule;

/// A file as it is to be; written only when everything else went well.
struct Draft {
  std::string path;
  std::string old_text, text;
  bool marked = false;    ///< it begins with a byte order mark, which stays
  std::size_t added = 0;  ///< rules, or permissions

  void begin_with(const yaml::Document& document) {
    old_text = text = document.text;
    marked = document.marked;
  }
  [[nodiscard]] bool changes() const { return text != old_text; }
};

std::optional<yaml::Document> parse_file(const std::string& path) {
  Diagnostics diagnostics;
  yaml::Document document = yaml::load(path, diagnostics);
  if (diagnostics.empty()) return document;
  complain_about(diagnostics, {&document});
  return std::nullopt;
}

/// Compiles what is there or what is to be; null after mistakes, which were said.
std::unique_ptr<const policy::Policy> compile(const yaml::Document& document, std::string_view what) {
  Diagnostics diagnostics;
  const policy::PolicyFiles files = admin::read_policy(document, diagnostics);
  auto compiled = policy::Policy::compile(files, nullptr, diagnostics);
  if (compiled) return compiled;
  complain(what);
  complain_about(diagnostics, policy::documents_of(files));
  return nullptr;
}

yaml::Document parsed(const std::string& path, const std::string& text) {
  Diagnostics diagnostics;
  return yaml::parse(path, text, diagnostics);
}

/// Whether everything is there that was, roles perhaps with more permissions.
bool keeps(const store::Store::Declaration& before, const store::Store::Declaration& after) {
  const auto is_kept = [&after](const store::Entity& old) {
    return std::any_of(after.entities.begin(), after.entities.end(), [&old](const store::Entity& now) {
      return now.kind == old.kind && now.id == old.id && now.name == old.name &&
             now.description == old.description && now.permissions.size() >= old.permissions.size();
    });
  };
  return before.users.size() == after.users.size() && before.tokens.size() == after.tokens.size() &&
         std::all_of(before.entities.begin(), before.entities.end(), is_kept);
}

/// Puts `items` at the end of the list under `key`. False when that cannot be done, which was said.
bool add_items(const yaml::Document& document, std::string_view key,
               const std::function<std::string(std::size_t)>& items, std::vector<yaml::Addition>& additions) {
  const auto end = yaml::end_of_list(document, key);
  if (!end) {
    complain(document.file + ": \"" + std::string(key) +
             "\" is not a list with an item a line; write it so, then --update can add to it");
    return false;
  }
  additions.push_back({end->offset, end->before + items(end->indentation)});
  return true;
}

class Initialiser {
 public:
  Initialiser(const OpenapiSource& api, Proposal proposal, std::string directory)
      : api_(api), proposal_(std::move(proposal)) {
    policy_.path = (fs::path(directory) / "policy.yaml").string();
    catalog_.path = (fs::path(directory) / "catalog.yaml").string();
    tests_.path = (fs::path(directory) / "policy-tests.yaml").string();
  }

  [[nodiscard]] std::vector<Draft*> drafts() { return {&policy_, &catalog_, &tests_}; }

  /// Whole new files.
  [[nodiscard]] bool propose_all() {
    propose_policy();
    propose_catalog();
    return propose_cases();
  }

  /// What is missing in those that are there. False when something is wrong with them, which was said.
  bool propose_additions() {
    if (!fs::exists(policy_.path)) {
      propose_policy();
    } else if (!add_rules()) {
      return false;
    }
    const Proposal proposal = proposal_;  // of which add_names() keeps what is new
    if (fs::exists(catalog_.path)) {
      if (!add_names()) return false;
      proposal_.rules = proposal.rules;
    } else {
      propose_catalog();
    }
    return fs::exists(tests_.path) || !policy_.old_text.empty() ? add_cases() : propose_cases();
  }

  [[nodiscard]] json::object record() const {
    return {{"operations", api_.operations().size()},
            {"unreachable", unreachable()},
            {"undeclared", undeclared()},
            {"files", json::array{policy_.path, catalog_.path, tests_.path}},
            {"rules_added", policy_.added},
            {"permissions_added", catalog_.added},
            {"roles_added", roles_added_},
            {"roles_extended", roles_extended_}};
  }

  [[nodiscard]] std::string sentence(bool open) const {
    const auto count = [](std::size_t number, std::string_view one) {
      return std::to_string(number) + ' ' + std::string(one) + (number == 1 ? "" : "s");
    };
    std::string text = policy_.path + ": " + count(policy_.added, "rule") + " added\n" + catalog_.path +
                       ": " + count(catalog_.added, "permission") + " and " + count(roles_added_, "role") +
                       " added";
    if (roles_extended_ > 0) text += ", " + count(roles_extended_, "role") + " extended";
    if (const std::size_t number = undeclared(); number > 0)
      text += "\nno security declared for " + count(number, "operation") + ": " +
              (open ? "open to everybody" : "guarded all the same (--open opens what declares none)");
    if (const std::size_t number = unreachable(); number > 0)
      text += "\n" + count(number, "operation") + " that no request can reach: policy prove says why";
    return text;
  }

 private:
  [[nodiscard]] std::size_t unreachable() const {
    return static_cast<std::size_t>(
        std::count_if(api_.operations().begin(), api_.operations().end(),
                      [](const policy::Operation& operation) { return !operation.unreachable.empty(); }));
  }
  [[nodiscard]] std::size_t undeclared() const {
    return static_cast<std::size_t>(std::count_if(
        api_.operations().begin(), api_.operations().end(),
        [](const policy::Operation& operation) { return operation.security != policy::Declared::secured; }));
  }

  void propose_policy() {
    policy_.text =
        "# Proposed by `postern policy init` from " + postern::quoted(api_.place()) +
        ": a rule for each operation. It is yours from here on:\n"
        "# `postern policy init --update` adds what a later document brings and changes nothing of it.\n"
        "version: 1\nrules:\n" +
        rules_text(proposal_.rules, 2);
    policy_.added = proposal_.rules.size();
  }

  void propose_catalog() {
    catalog_.text =
        "# The permissions that policy.yaml demands, and roles to hold them: for each tag a reader, a writer "
        "and an administrator.\n"
        "version: 1\npermissions:\n" +
        permissions_text(proposal_.permissions, 2) + "roles:\n" + roles_text(proposal_.roles, 2);
    catalog_.added = proposal_.permissions.size();
    roles_added_ = proposal_.roles.size();
  }

  /// A request to each proposed rule of the policy as it is to be. Nothing when that has mistakes, which was
  /// said.
  std::optional<policy::Examples> examples() const {
    const auto compiled = compile(parsed(policy_.path, policy_.text), "what would be written has mistakes");
    if (!compiled) return std::nullopt;
    policy::Examples examples;
    for (const policy::Coverage& one : policy::prove(*compiled, api_.operations(), nullptr, {}).coverage)
      for (const policy::Coverage::Part& part : one.parts)
        if (part.rule != nullptr) examples.try_emplace(part.rule->id, part.example);
    return examples;
  }

  bool propose_cases() {
    const auto requests = examples();
    if (!requests) return false;
    tests_.text =
        "# What policy.yaml is meant to say, for `postern policy test`: who may, and who may not. A "
        "beginning.\n"
        "version: 1\nsubjects:\n" +
        subjects_text(proposal_.roles, 2) + "cases:\n" +
        cases_text(proposal_.rules, proposal_.roles, *requests, 2);
    return true;
  }

  /// Cases for the added rules. Roles may mean something else by now, so the subjects are written out.
  bool add_cases() {
    const bool exists = fs::exists(tests_.path);
    const auto document = exists ? parse_file(tests_.path) : parsed(tests_.path, "version: 1\n");
    if (!document) return false;
    if (exists) tests_.begin_with(*document);
    if (policy_.added == 0) return true;
    const auto requests = examples();
    if (!requests) return false;
    std::vector<yaml::Addition> additions;
    const auto items = [&](std::size_t n) { return cases_text(proposal_.rules, {}, *requests, n); };
    if (!add_items(*document, "cases", items, additions)) return false;
    tests_.text = yaml::with_additions(document->text, std::move(additions));
    Diagnostics diagnostics;
    const yaml::Document merged = yaml::parse(tests_.path, tests_.text, diagnostics);
    if (diagnostics.empty()) return true;
    complain("what would be added does not fit " + tests_.path);
    complain_about(diagnostics, {&merged});
    return false;
  }

  /// Rules for the operations that no rule governs, or not all of their requests.
  bool add_rules() {
    const auto document = parse_file(policy_.path);
    if (!document) return false;
    const auto compiled = compile(*document, policy_.path + " has mistakes; nothing was added to it");
    if (!compiled) return false;
    policy_.begin_with(*document);

    std::set<const policy::Operation*> uncovered;
    for (const policy::Coverage& one :
         policy::prove(*compiled, api_.operations(), nullptr, hosts(*document)).coverage)
      for (const policy::Coverage::Part& part : one.parts)
        if (part.rule == nullptr) uncovered.insert(one.operation);
    std::erase_if(proposal_.rules, [&](const ProposedRule& rule) {
      return std::none_of(rule.operations.begin(), rule.operations.end(),
                          [&](const policy::Operation* operation) { return uncovered.contains(operation); });
    });
    if (proposal_.rules.empty()) return true;

    std::set<std::string> taken;
    for (const policy::Rule& rule : compiled->rules()) taken.insert(rule.id);
    for (ProposedRule& rule : proposal_.rules) {
      const std::string first = rule.id;
      for (std::size_t n = 2; !taken.insert(rule.id).second; ++n) rule.id = first + '-' + std::to_string(n);
    }
    std::vector<yaml::Addition> additions;
    const auto items = [this](std::size_t indentation) {
      return '\n' + rules_text(proposal_.rules, indentation);
    };
    if (!add_items(*document, "rules", items, additions)) return false;
    policy_.text = yaml::with_additions(document->text, std::move(additions));
    policy_.added = proposal_.rules.size();

    const auto merged =
        compile(parsed(policy_.path, policy_.text), "what would be added does not fit " + policy_.path);
    return merged && merged->rules().size() == compiled->rules().size() + policy_.added;
  }

  /// The hosts that added rules would be for: all, unless the file has a default.
  static std::vector<std::string> hosts(const yaml::Document& document) {
    const yaml::Node* defaults = document.root.find("defaults");
    const yaml::Node* host = defaults == nullptr ? nullptr : defaults->find("host");
    if (host == nullptr || host->scalar.empty()) return {};
    return {host->scalar.front() == '*' ? "any-other" + host->scalar.substr(1) : host->scalar};
  }

  /// What the added rules demand and the catalog does not know, and who should hold it.
  bool add_names() {
    const auto document = parse_file(catalog_.path);
    if (!document) return false;
    Diagnostics diagnostics;
    const store::Store::Declaration declared = store::parse_catalog(*document, diagnostics);
    if (!diagnostics.empty()) {
      complain_about(diagnostics, {&*document});
      return false;
    }
    catalog_.begin_with(*document);

    std::set<std::string> demanded, fresh, roles;
    if (policy_.changes())
      for (const ProposedRule& rule : proposal_.rules)
        demanded.insert(rule.permissions.begin(), rule.permissions.end());
    fresh = demanded;
    for (const store::Entity& entity : declared.entities) {
      if (entity.kind == policy::EntityKind::permission) fresh.erase(entity.id);
      if (entity.kind == policy::EntityKind::role) roles.insert(entity.id);
    }
    if (fresh.empty()) return true;
    std::erase_if(proposal_.permissions,
                  [&](const ProposedPermission& permission) { return !fresh.contains(permission.id); });
    std::erase_if(proposal_.roles, [&](const ProposedRole& role) {
      return std::none_of(role.permissions.begin(), role.permissions.end(),
                          [&](const std::string& permission) { return fresh.contains(permission); });
    });
    std::vector<yaml::Addition> additions;
    extend_roles(*document, roles, fresh, additions);
    std::erase_if(proposal_.roles, [&](const ProposedRole& role) { return roles.contains(role.id); });
    catalog_.added = proposal_.permissions.size();
    roles_added_ = proposal_.roles.size();
    const auto permissions = [this](std::size_t n) { return permissions_text(proposal_.permissions, n); };
    if (!add_items(*document, "permissions", permissions, additions)) return false;
    const auto further_roles = [this](std::size_t n) { return roles_text(proposal_.roles, n); };
    if (!proposal_.roles.empty() && !add_items(*document, "roles", further_roles, additions)) return false;
    catalog_.text = yaml::with_additions(document->text, std::move(additions));

    const yaml::Document merged = yaml::parse(catalog_.path, catalog_.text, diagnostics);
    store::Store::Declaration after;
    if (diagnostics.empty()) after = store::parse_catalog(merged, diagnostics);
    const std::size_t added = catalog_.added + roles_added_;
    if (diagnostics.empty() && keeps(declared, after) &&
        after.entities.size() == declared.entities.size() + added)
      return true;
    complain("what would be added does not fit " + catalog_.path);
    complain_about(diagnostics, {&merged});
    return false;
  }

  /// Roles that are there already get the new permissions, too; else nobody would hold them.
  void extend_roles(const yaml::Document& document, const std::set<std::string>& known,
                    const std::set<std::string>& fresh, std::vector<yaml::Addition>& additions) {
    const yaml::Node* written = document.root.find("roles");
    if (written == nullptr) return;
    for (const yaml::Node& node : written->items) {
      const yaml::Node* id = node.find("id");
      const yaml::Node* list = node.find("permissions");
      if (id == nullptr || !known.contains(id->scalar)) continue;
      const auto proposed = std::find_if(proposal_.roles.begin(), proposal_.roles.end(),
                                         [&](const ProposedRole& role) { return role.id == id->scalar; });
      if (proposed == proposal_.roles.end()) continue;
      bool extended = true;
      for (const std::string& permission : proposed->permissions) {
        if (!fresh.contains(permission)) continue;
        const auto addition =
            list == nullptr ? std::nullopt : yaml::further_word(document, *list, permission);
        extended = extended && addition.has_value();
        if (addition) additions.push_back(*addition);
      }
      if (extended)
        ++roles_extended_;
      else
        complain("the role " + id->scalar + " was left as it is, since its list of permissions is empty");
    }
  }

  const OpenapiSource& api_;
  Proposal proposal_;
  Draft policy_, catalog_, tests_;
  std::size_t roles_added_ = 0, roles_extended_ = 0;
};

/// Writes those that change. Nothing is touched when one that is there was not asked to be.
int write(const std::vector<Draft*>& drafts, const std::string& directory, bool may_replace) {
  for (const Draft* draft : drafts)
    if (!may_replace && fs::exists(draft->path)) {
      complain(draft->path + " exists; --update adds to it, --force replaces it");
      return exit_failed;
    }
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    complain(directory + ": cannot be made: " + error.message());
    return exit_failed;
  }
  for (const Draft* draft : drafts) {
    if (!draft->changes()) continue;
    if (const Status written = write_text_file(
            draft->path, (draft->marked ? std::string(yaml::byte_order_mark) : "") + draft->text);
        !written)
      return fail(written.error());
  }
  return exit_done;
}

int init(Arguments& arguments) {
  std::string directory = ".";
  bool open = false, update = false, force = false;
  OpenapiSource api;
  Output output;
  api.declare(arguments);
  arguments.text("--directory", "DIR", directory,
                 "where policy.yaml, catalog.yaml and policy-tests.yaml go, else here");
  arguments.flag("--open", open, "what declares no security is for everybody; else it is guarded and marked");
  arguments.flag("--update", update, "add to the files what is missing in them; nothing else changes");
  arguments.flag("--force", force, "replace the files");
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (!api.given()) return arguments.usage_error("--openapi FILE|URL is needed");
  if (update && force)
    return arguments.usage_error("--update keeps the files, --force replaces them; give one");
  if (!api.load()) return exit_failed;

  Diagnostics diagnostics;
  Proposal proposal = policy::propose(api.document(), api.operations(), open, diagnostics);
  if (!diagnostics.empty()) {
    complain_about(diagnostics, {&api.document()});
    return exit_failed;
  }
  if (proposal.rules.empty()) {
    complain(api.place() + ": no operation that a request could reach");
    return exit_failed;
  }
  Initialiser initialiser(api, std::move(proposal), directory);
  if (!(update ? initialiser.propose_additions() : initialiser.propose_all())) return exit_failed;
  if (const int code = write(initialiser.drafts(), directory, update || force); code != exit_done)
    return code;
  return output.done(initialiser.sentence(open), initialiser.record());
}

}  // namespace

const Command policy_init{
    "policy init",
    "Writes a policy, a catalog of permissions and roles, and tests for an API from its OpenAPI document.",
    "postern policy init --openapi openapi.yaml --directory guard\n"
    "postern policy init --openapi openapi.yaml --update",
    init,
};

}  // namespace postern::cli
