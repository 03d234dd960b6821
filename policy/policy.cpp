#include "policy/policy.hpp"

#include <algorithm>
#include <utility>

#include "policy/matcher.hpp"
#include "policy/overlap.hpp"
#include "policy/rule_reader.hpp"

namespace postern::policy {

struct Policy::Compiled {
  std::vector<std::string> files{std::string()};
  std::vector<Rule> rules;  ///< never touched again: the matcher and every Match point into it
  std::vector<Symbol> symbols;
  Matcher matcher;
  bool has_host_rules = false;
  bool has_kept_slashes = false;
  std::vector<std::string> upstream_header_names;

  Compiled() = default;
  Compiled(std::vector<std::string> from, std::vector<Rule> read, std::vector<Symbol> named)
      : files(std::move(from)), rules(std::move(read)), symbols(std::move(named)), matcher(rules) {
    for (const Rule& rule : rules) {
      has_host_rules = has_host_rules || !rule.host.empty();
      has_kept_slashes = has_kept_slashes || rule.encoded_slash == EncodedSlash::keep;
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

std::unique_ptr<const Policy> Policy::compile(const PolicyFiles& files, const Catalog* catalog,
                                              Diagnostics& diagnostics,
                                              const std::vector<std::string>* upstreams) {
  FileViews views;
  for (const PolicyFile& file : files) views.push_back({&file.document, file.name, file.parent});
  return compile_views(views, catalog, diagnostics, upstreams);
}

std::unique_ptr<const Policy> Policy::compile(const yaml::Document& document, const Catalog* catalog,
                                              Diagnostics& diagnostics,
                                              const std::vector<std::string>* upstreams) {
  // Without directories: the name of a rule may be shown to strangers.
  const std::string_view name = std::string_view(document.file).substr(document.file.rfind('/') + 1);
  if (const yaml::Node* include = document.root.find("include"))
    diagnostics.add(document.at(*include), "a file that stands alone includes no other");
  return compile_views({{&document, name, 0}}, catalog, diagnostics, upstreams);
}

std::unique_ptr<const Policy> Policy::compile_views(const FileViews& files, const Catalog* catalog,
                                                    Diagnostics& diagnostics,
                                                    const std::vector<std::string>* upstreams) {
  // A file that could not be parsed has been reported, and a tree with holes is not a policy.
  const bool parsed = diagnostics.empty();

  Diagnostics found;
  RuleReader reader(files, catalog, upstreams, found);
  reader.read_files(parsed);
  report_overlaps(reader.routable(), files, found);

  auto policy = std::make_unique<Policy>();
  if (parsed && found.empty()) {
    std::vector<std::string> names;
    for (const FileView& file : files) names.push_back(file.document->file);
    policy->compiled_ =
        std::make_unique<Compiled>(std::move(names), reader.take_rules(), reader.take_symbols());
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
  diagnostics.add({compiled.files[rule.place.file], rule.place.line, rule.place.column},
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
  policy->compiled_ =
      std::make_unique<Compiled>(std::vector<std::string>{"--dev"}, std::move(rules), std::vector<Symbol>{});
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

// Not inlined: the buffer is for the few requests that hold an escaped slash.
[[gnu::noinline]] bool Policy::keeps_slashes(std::string_view host, const CanonicalPath& path,
                                             std::string_view method) const noexcept {
  const Match governing = match(host, path, method);
  if (governing.rule == nullptr || governing.rule->encoded_slash != EncodedSlash::keep) return false;
  char text[limits::target_bytes_max];
  std::size_t size = 0;
  for (std::size_t i = 0; i < path.text.size() && size < sizeof text; ++i) {
    const bool slash = path.text.substr(i).starts_with("%2F");
    text[size++] = slash ? '/' : path.text[i];
    if (slash) i += 2;
  }
  char canonical_text[limits::target_bytes_max];
  CanonicalPath other;
  if (postern::policy::canonical_path({text, size}, canonical_text, other) != TargetError::none) return false;
  const Match as_slashes = match(host, other, method);
  return as_slashes.rule == nullptr || as_slashes.rule->encoded_slash == EncodedSlash::keep;
}

TargetError Policy::canonical_path(std::string_view host, std::string_view method, std::string_view raw,
                                   std::span<char> out, CanonicalPath& path) const noexcept {
  const TargetError strict = postern::policy::canonical_path(raw, out, path);
  if (strict != TargetError::encoded_slash || !compiled_->has_kept_slashes) return strict;
  const TargetError kept = postern::policy::canonical_path(raw, out, path, EncodedSlash::keep);
  if (kept != TargetError::none) return kept;
  if (keeps_slashes(host, path, method)) return TargetError::none;
  path.text = {};
  path.segment_count = 0;
  path.has_encoded_slash = false;
  return strict;
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

const std::vector<std::string>& Policy::files() const noexcept {
  return compiled_->files;
}

std::string Policy::where(Place place) const {
  return compiled_->files[place.file] + ':' + std::to_string(place.line);
}

const std::vector<std::string>& Policy::upstream_header_names() const noexcept {
  return compiled_->upstream_header_names;
}

bool Policy::has_host_rules() const noexcept {
  return compiled_->has_host_rules;
}

}  // namespace postern::policy
