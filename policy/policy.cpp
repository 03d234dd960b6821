#include "policy/policy.hpp"

#include <algorithm>
#include <utility>

#include "policy/matcher.hpp"
#include "policy/overlap.hpp"
#include "policy/rule_reader.hpp"

namespace postern::policy {

struct Policy::Compiled {
  std::string file;
  std::vector<Rule> rules;  ///< never touched again: the matcher and every Match point into it
  std::vector<Symbol> symbols;
  Matcher matcher;
  bool has_host_rules = false;
  std::vector<std::string> upstream_header_names;

  Compiled() = default;
  Compiled(std::string from, std::vector<Rule> read, std::vector<Symbol> named)
      : file(std::move(from)), rules(std::move(read)), symbols(std::move(named)), matcher(rules) {
    for (const Rule& rule : rules) {
      has_host_rules = has_host_rules || !rule.host.empty();
      for (const UpstreamHeader& header : rule.upstream_headers) {
        auto& names = upstream_header_names;
        if (std::find(names.begin(), names.end(), header.name) == names.end()) names.push_back(header.name);
      }
    }
  }
};

std::string_view to_string(RequirementKind kind) noexcept {
  switch (kind) {
    case RequirementKind::never:
      return "deny";
    case RequirementKind::anonymous:
      return "anonymous";
    case RequirementKind::authenticated:
      return "authenticated";
    case RequirementKind::permission:
      return "permission";
    case RequirementKind::role:
      return "role";
    case RequirementKind::group:
      return "group";
    case RequirementKind::license:
      return "license";
    case RequirementKind::application_license:
      return "application_license";
    case RequirementKind::client_certificate:
      return "client_certificate";
    case RequirementKind::owner:
      return "owner";
    case RequirementKind::any_of:
      return "any_of";
    case RequirementKind::all_of:
      return "all_of";
    case RequirementKind::negation:
      return "not";
  }
  return "unknown";
}

Policy::Policy() : compiled_(std::make_unique<Compiled>()) {}
Policy::~Policy() = default;
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;

std::unique_ptr<const Policy> Policy::compile(const yaml::Document& document, const Catalog* catalog,
                                              Diagnostics& diagnostics,
                                              const std::vector<std::string>* upstreams) {
  // A file that could not be parsed has been reported, and a tree with holes is not a policy.
  const bool parsed = diagnostics.empty();
  if (!parsed && document.root.kind == yaml::Kind::null) return nullptr;

  Diagnostics found;
  RuleReader reader(document, catalog, upstreams, found);
  reader.read_file();
  report_overlaps(reader.routable(), document.file, found);

  auto policy = std::make_unique<Policy>();
  if (found.empty()) {
    policy->compiled_ = std::make_unique<Compiled>(document.file, reader.take_rules(), reader.take_symbols());
    check_cost(*policy->compiled_, found);
  }
  const bool sound = parsed && found.empty();
  diagnostics.append(std::move(found));
  return sound ? std::move(policy) : nullptr;
}

/// Refuses rules that would let a single request look at very many places (matcher.hpp).
void Policy::check_cost(const Compiled& compiled, Diagnostics& diagnostics) {
  const Matcher::Walk worst = compiled.matcher.worst_walk();
  if (worst.visits <= limits::match_visits_max) return;
  const Rule& rule = compiled.rules[worst.rule];
  diagnostics.add({compiled.file, rule.place.line, rule.place.column},
                  "literals and parameters alternate so often in the rules for " +
                      (rule.host.empty() ? "any host" : rule.host) + " that one request could have to try " +
                      std::to_string(worst.visits) + " places, at most " +
                      std::to_string(limits::match_visits_max) + " are allowed",
                  "fewer '{param}' segments beside literal ones make it cheaper");
}

std::unique_ptr<const Policy> Policy::any_authenticated(std::uint32_t upstream) {
  Rule rule;
  rule.id = "dev";
  rule.path = "/**";
  rule.segments.push_back({TemplateSegment::Kind::rest, {}});
  rule.requirement.kind = RequirementKind::authenticated;
  rule.upstream = upstream;
  std::vector<Rule> rules;
  rules.push_back(std::move(rule));
  auto policy = std::make_unique<Policy>();
  policy->compiled_ = std::make_unique<Compiled>("--dev", std::move(rules), std::vector<Symbol>{});
  return policy;
}

Match Policy::match(std::string_view host, const CanonicalPath& path,
                    std::string_view method) const noexcept {
  Match match;
  const std::uint32_t rule = compiled_->matcher.find(host, path, method, match.params);
  if (rule != Matcher::no_match) match.rule = &compiled_->rules[rule];
  return match;
}

Match Policy::match_asterisk(std::string_view host, std::string_view method) const noexcept {
  Match match;
  const std::uint32_t rule = compiled_->matcher.find_asterisk(host, method);
  if (rule != Matcher::no_match) match.rule = &compiled_->rules[rule];
  return match;
}

Binding Policy::bind(const Catalog& catalog) const {
  Binding binding;
  for (std::uint32_t i = 0; i < compiled_->symbols.size(); ++i) {
    const Symbol& symbol = compiled_->symbols[i];
    Handle handle = catalog.handle(symbol.kind, symbol.id);
    const Catalog::Entity* entity = catalog.find(symbol.kind, handle);
    // A license of the other kind is another thing, even under the same id.
    const bool meant = entity != nullptr &&
                       (symbol.kind != EntityKind::license || entity->license_kind == symbol.license_kind);
    binding.handles.push_back(meant ? handle : no_handle);
    if (!meant) binding.missing.push_back(i);
  }
  return binding;
}

const std::vector<Rule>& Policy::rules() const noexcept {
  return compiled_->rules;
}

const std::vector<Symbol>& Policy::symbols() const noexcept {
  return compiled_->symbols;
}

const std::string& Policy::file() const noexcept {
  return compiled_->file;
}

const std::vector<std::string>& Policy::upstream_header_names() const noexcept {
  return compiled_->upstream_header_names;
}

bool Policy::has_host_rules() const noexcept {
  return compiled_->has_host_rules;
}

}  // namespace postern::policy
