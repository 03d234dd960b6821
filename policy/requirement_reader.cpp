#include "policy/requirement_reader.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "policy/rule_keys.hpp"

namespace postern::policy {
namespace {

RequirementKind kind_of(std::string_view key) noexcept {
  for (const RequirementKind kind :
       {RequirementKind::authenticated, RequirementKind::permission, RequirementKind::role,
        RequirementKind::group, RequirementKind::license, RequirementKind::application_license,
        RequirementKind::client_certificate, RequirementKind::owner, RequirementKind::any_of,
        RequirementKind::all_of, RequirementKind::negation}) {
    if (to_string(kind) == key) return kind;
  }
  return RequirementKind::never;
}

EntityKind entity_of(RequirementKind kind) noexcept {
  switch (kind) {
    case RequirementKind::role:
      return EntityKind::role;
    case RequirementKind::group:
      return EntityKind::group;
    case RequirementKind::license:
    case RequirementKind::application_license:
      return EntityKind::license;
    default:
      return EntityKind::permission;
  }
}

bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}

/// `[a-z][a-z0-9_]*(\.[a-z0-9_]+)*`
bool is_entity_id(std::string_view id) noexcept {
  if (id.empty() || id.size() > limits::entity_id_bytes_max || !is_lower(id.front()) || id.back() == '.')
    return false;
  return id.find("..") == std::string_view::npos && std::all_of(id.begin(), id.end(), [](char c) {
           return is_lower(c) || (c >= '0' && c <= '9') || c == '_' || c == '.';
         });
}

std::string_view license_key(LicenseKind kind) noexcept {
  return to_string(kind == LicenseKind::application ? RequirementKind::application_license
                                                    : RequirementKind::license);
}

}  // namespace

Place place_of(const yaml::Node& node) noexcept {
  return {static_cast<std::uint32_t>(node.line), static_cast<std::uint32_t>(node.column)};
}

Place place_of(const yaml::Entry& entry) noexcept {
  return {static_cast<std::uint32_t>(entry.line), static_cast<std::uint32_t>(entry.column)};
}

Place RequirementReader::place(const yaml::Node& node) const noexcept {
  Place place = place_of(node);
  place.file = file_;
  return place;
}

Place RequirementReader::place(const yaml::Entry& entry) const noexcept {
  Place place = place_of(entry);
  place.file = file_;
  return place;
}

void RequirementReader::read_named_requirements(const yaml::Node& requirements) {
  if (requirements.kind != yaml::Kind::mapping) {
    diagnostics_.add(document().at(requirements), "\"requirements\" wants names and what each demands",
                     "for example 'requirements: {staff: {group: staff}}'");
    return;
  }
  for (const yaml::Entry& entry : requirements.entries) {
    const Definition above = file_ == 0 ? Definition{} : find_definition(files_[file_].parent, entry.key);
    if (above.node == nullptr) continue;
    const yaml::Document& other = *files_[above.file].document;
    diagnostics_.add(document().at(entry), "the requirement " + quoted(entry.key) + " is named already at " +
                                               other.file + ':' + std::to_string(above.node->line));
  }
  Scope& scope = scopes_[file_];
  scope.named = &requirements;
  for (const yaml::Entry& entry : requirements.entries) {
    open_ = {entry.key};
    terms_ = 0;
    const bool whole = read_nested(entry.value, 1).has_value();
    if (too_many_terms(entry.value, "the requirement " + quoted(entry.key)) || !whole)
      scope.broken.push_back(entry.key);
  }
  open_.clear();
}

RequirementReader::Definition RequirementReader::find_definition(std::uint32_t from,
                                                                 std::string_view name) const {
  for (std::uint32_t file = from;; file = files_[file].parent) {
    const yaml::Node* named = scopes_[file].named;
    if (const yaml::Node* node = named == nullptr ? nullptr : named->find(name)) return {file, node};
    if (file == 0) return {};
  }
}

std::vector<std::string_view> RequirementReader::known_names() const {
  std::vector<std::string_view> known;
  for (std::uint32_t file = file_;; file = files_[file].parent) {
    if (scopes_[file].named != nullptr)
      for (const yaml::Entry& one : scopes_[file].named->entries) known.push_back(one.key);
    if (file == 0) return known;
  }
}

/// A named requirement stands for what it says; its parts keep their own places.
std::optional<Requirement> RequirementReader::read_reference(const yaml::Entry& entry, std::size_t depth) {
  const std::string& name = entry.value.scalar;
  const Definition definition = find_definition(file_, name);
  if (definition.node == nullptr) {
    const std::vector<std::string_view> known = known_names();
    diagnostics_.add(document().at(entry.value), "there is no requirement " + quoted(name),
                     known.empty() ? "name it under \"requirements\"" : did_you_mean(name, known));
    return std::nullopt;
  }
  if (std::find(open_.begin(), open_.end(), name) != open_.end()) {
    diagnostics_.add(document().at(entry.value), "the requirement " + quoted(name) + " refers to itself");
    return std::nullopt;
  }
  const std::vector<std::string>& broken = scopes_[definition.file].broken;
  if (std::find(broken.begin(), broken.end(), name) != broken.end()) return std::nullopt;
  open_.push_back(name);
  const std::uint32_t here = std::exchange(file_, definition.file);
  // Read anew: an owner is a parameter of this very rule.
  std::optional<Requirement> requirement = read_nested(*definition.node, depth);
  file_ = here;
  open_.pop_back();
  return requirement;
}

/// `owner: {user}` is a mapping to YAML, and `owner: "{user}"` a text: both mean the parameter.
std::optional<Requirement> RequirementReader::read_owner(const yaml::Entry& entry) {
  const yaml::Node& value = entry.value;
  std::string name;
  if (value.kind == yaml::Kind::mapping && value.entries.size() == 1 &&
      value.entries.front().value.kind == yaml::Kind::null)
    name = value.entries.front().key;
  if (value.kind == yaml::Kind::scalar && value.scalar.size() > 2 && value.scalar.front() == '{' &&
      value.scalar.back() == '}')
    name = value.scalar.substr(1, value.scalar.size() - 2);
  if (name.empty()) {
    diagnostics_.add(document().at(value), "\"owner\" wants one parameter of the path",
                     "for example 'owner: {user}'");
    return std::nullopt;
  }
  Requirement owner{RequirementKind::owner, place(entry), name, 0, {}};
  if (params_ == nullptr) return owner;
  const auto found = std::find(params_->begin(), params_->end(), name);
  if (found == params_->end()) {
    diagnostics_.add(document().at(value), "the path has no parameter " + quoted(name),
                     did_you_mean(name, {params_->begin(), params_->end()}));
    return std::nullopt;
  }
  owner.symbol = static_cast<std::uint32_t>(found - params_->begin());
  return owner;
}

std::optional<Requirement> RequirementReader::read_rule(const yaml::Node& rule,
                                                        const std::vector<std::string>& params) {
  terms_ = 0;
  params_ = &params;
  std::optional<Requirement> requirement = read_siblings(rule, 1);
  if (too_many_terms(rule, "the rule")) return std::nullopt;
  return requirement;
}

bool RequirementReader::too_many_terms(const yaml::Node& node, const std::string& what) {
  if (terms_ <= limits::requirement_terms_max) return false;
  diagnostics_.add(document().at(node), what + " has more than " +
                                            std::to_string(limits::requirement_terms_max) +
                                            " requirement terms, those of what it names included");
  return true;
}

std::optional<Requirement> RequirementReader::read_siblings(const yaml::Node& mapping, std::size_t depth) {
  Requirement all{RequirementKind::all_of, place(mapping), {}, 0, {}};
  bool whole = true;
  for (const yaml::Entry& entry : mapping.entries) {
    if (use_of(entry.key) != KeyUse::requirement) continue;
    if (std::optional<Requirement> term = read_term(entry, depth)) {
      all.children.push_back(std::move(*term));
    } else {
      whole = false;
    }
  }
  if (!whole || all.children.empty()) return std::nullopt;
  if (all.children.size() > 1) return all;
  Requirement only = std::move(all.children.front());
  return only;
}

std::optional<Requirement> RequirementReader::read_term(const yaml::Entry& entry, std::size_t depth) {
  // Named requirements multiply: what is too much is not read to its end. Who began to count says so.
  if (++terms_ > limits::requirement_terms_max) return std::nullopt;
  if (entry.key == "requirement") return read_reference(entry, depth);
  const RequirementKind kind = kind_of(entry.key);
  switch (kind) {
    case RequirementKind::authenticated:
      if (entry.value.kind == yaml::Kind::scalar && entry.value.scalar == "true") {
        return Requirement{kind, place(entry), {}, 0, {}};
      }
      diagnostics_.add(document().at(entry.value), "\"authenticated\" can only be true",
                       "for everybody write 'allow: anonymous'");
      return std::nullopt;
    case RequirementKind::client_certificate:
      return read_certificate(entry);
    case RequirementKind::owner:
      return read_owner(entry);
    case RequirementKind::any_of:
    case RequirementKind::all_of:
      return read_list(kind, entry, depth);
    case RequirementKind::negation:
      return read_negation(entry, depth);
    default:
      return read_named(kind, entry);
  }
}

std::optional<Requirement> RequirementReader::read_certificate(const yaml::Entry& entry) {
  const yaml::Node& value = entry.value;
  const bool any = value.kind == yaml::Kind::scalar && !value.quoted && value.scalar == "true";
  // `false`, `yes` and the like are slips, not subjects: those have types.
  const bool subject = value.kind == yaml::Kind::scalar && value.scalar.find('=') != std::string::npos &&
                       value.scalar.size() <= limits::certificate_subject_bytes_max;
  if (!any && !subject) {
    diagnostics_.add(document().at(value),
                     "\"client_certificate\" wants true or a subject as the access log has it",
                     "for example 'client_certificate: \"CN=billing,O=Example\"'");
    return std::nullopt;
  }
  return Requirement{
      RequirementKind::client_certificate, place(value), any ? std::string() : value.scalar, 0, {}};
}

std::optional<Requirement> RequirementReader::read_named(RequirementKind kind, const yaml::Entry& entry) {
  const yaml::Node& value = entry.value;
  if (value.kind != yaml::Kind::scalar) {
    diagnostics_.add(document().at(value), quoted(entry.key) + " wants one id",
                     value.kind == yaml::Kind::sequence ? "several are written with any_of or all_of" : "");
    return std::nullopt;
  }
  if (!is_entity_id(value.scalar)) {
    diagnostics_.add(document().at(value), quoted(value.scalar) +
                                               " is no id: lower-case letters, digits and '_', parts "
                                               "joined by '.', a letter first");
    return std::nullopt;
  }
  const EntityKind entity = entity_of(kind);
  const LicenseKind license =
      kind == RequirementKind::application_license ? LicenseKind::application : LicenseKind::subject;
  check_known(entity, license, value);
  return Requirement{kind, place(value), value.scalar, symbol(entity, license, value), {}};
}

void RequirementReader::check_known(EntityKind kind, LicenseKind license_kind, const yaml::Node& node) {
  if (catalog_ == nullptr) return;
  const Handle handle = catalog_->handle(kind, node.scalar);
  const Catalog::Entity* entity = catalog_->find(kind, handle);
  if (entity == nullptr) {
    diagnostics_.add(document().at(node),
                     "unknown " + std::string(to_string(kind)) + " " + quoted(node.scalar),
                     did_you_mean(node.scalar, catalog_->ids(kind)));
  } else if (kind == EntityKind::license && entity->license_kind != license_kind) {
    const std::string_view is =
        entity->license_kind == LicenseKind::application ? "an application" : "a subject";
    diagnostics_.add(
        document().at(node), quoted(node.scalar) + " is " + std::string(is) + " license",
        "did you mean '" + std::string(license_key(entity->license_kind)) + ": " + node.scalar + "'?");
  }
}

std::uint32_t RequirementReader::symbol(EntityKind kind, LicenseKind license_kind, const yaml::Node& node) {
  const auto digit = [](auto value) { return static_cast<char>('0' + static_cast<int>(value)); };
  const std::string key = std::string{digit(kind), digit(license_kind)} + node.scalar;
  const auto [found, fresh] = symbol_numbers_.try_emplace(key, static_cast<std::uint32_t>(symbols_.size()));
  if (fresh) symbols_.push_back({kind, license_kind, node.scalar, place(node)});
  return found->second;
}

std::optional<Requirement> RequirementReader::read_list(RequirementKind kind, const yaml::Entry& entry,
                                                        std::size_t depth) {
  if (entry.value.kind != yaml::Kind::sequence || entry.value.items.empty()) {
    diagnostics_.add(document().at(entry), quoted(entry.key) + " wants a list of at least one requirement",
                     "for example '" + entry.key + ": [{permission: shop.orders.read}]'");
    return std::nullopt;
  }
  Requirement list{kind, place(entry), {}, 0, {}};
  bool whole = true;
  for (const yaml::Node& item : entry.value.items) {
    if (std::optional<Requirement> term = read_nested(item, depth)) {
      list.children.push_back(std::move(*term));
    } else {
      whole = false;
    }
  }
  return whole ? std::optional(std::move(list)) : std::nullopt;
}

std::optional<Requirement> RequirementReader::read_negation(const yaml::Entry& entry, std::size_t depth) {
  if (entry.value.kind != yaml::Kind::mapping) {
    diagnostics_.add(document().at(entry), "\"not\" wants one requirement",
                     "for example 'not: {group: suspended}'");
    return std::nullopt;
  }
  std::optional<Requirement> term = read_nested(entry.value, depth);
  if (!term) return std::nullopt;
  Requirement negation{RequirementKind::negation, place(entry), {}, 0, {}};
  negation.children.push_back(std::move(*term));
  return negation;
}

std::optional<Requirement> RequirementReader::read_nested(const yaml::Node& node, std::size_t depth) {
  if (node.kind != yaml::Kind::mapping || node.entries.empty()) {
    diagnostics_.add(document().at(node), "a requirement is written '{key: value}'",
                     "for example '{permission: shop.orders.read}'");
    return std::nullopt;
  }
  if (depth == limits::requirement_depth_max) {
    diagnostics_.add(document().at(node),
                     "requirements are nested deeper than " + std::to_string(limits::requirement_depth_max));
    return std::nullopt;
  }
  bool whole = true;
  for (const yaml::Entry& entry : node.entries) {
    whole = check_key(document(), entry, {KeyUse::requirement}, diagnostics_) && whole;
  }
  std::optional<Requirement> requirement = read_siblings(node, depth + 1);
  return whole ? std::move(requirement) : std::nullopt;
}

}  // namespace postern::policy
