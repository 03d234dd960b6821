#include "policy/prove.hpp"

#include <algorithm>
#include <set>

#include "policy/operation_table.hpp"
#include "policy/path_classes.hpp"

namespace postern::policy {
namespace {

using Kind = Finding::Kind;

/// A method that no rule names: stands for all of them.
constexpr std::string_view other_method = "OTHER-METHOD";

class Prover {
 public:
  Prover(const Policy& policy, const std::vector<Operation>& operations, const Catalog* catalog,
         const std::vector<std::string>& hosts)
      : policy_(policy),
        catalog_(catalog),
        all_hosts_(host_classes({policy.rules()})),
        hosts_(hosts.empty() ? all_hosts_ : hosts),
        table_(operations),
        classes_({policy.rules(), table_.templates()}) {
    if (catalog == nullptr) return;
    for (const std::string_view id : catalog->ids(EntityKind::role))
      if (const Catalog::Entity* role =
              catalog->find(EntityKind::role, catalog->handle(EntityKind::role, id)))
        role->permissions.for_each([this](Handle permission) { held_.insert(permission); });
  }

  Proof run(const std::vector<Operation>& operations) {
    for (const Operation& operation : operations) cover(operation);
    for (const Rule& rule : policy_.rules()) judge(rule);
    return std::move(proof_);
  }

 private:
  /// The rule for a path of a class; such paths are canonical.
  [[nodiscard]] const Rule* governing(const std::string& host, const CanonicalPath& path,
                                      std::string_view method) const {
    return policy_.match(host, path, method).rule;
  }

  /// Calls `take` with each class of paths of a template. False when there are too many.
  bool each_path(std::span<const TemplateSegment> pattern,
                 const std::function<void(const std::string&, const CanonicalPath&)>& take) const {
    return classes_.each(pattern, [&](const std::string& path, bool) {
      char buffer[limits::target_bytes_max];
      CanonicalPath canonical;
      if (canonical_path(path, buffer, canonical) == TargetError::none) take(path, canonical);
    });
  }

  void cover(const Operation& operation) {
    Coverage coverage{&operation, {}};
    if (!operation.unreachable.empty()) {
      add(Kind::unreachable_operation, Severity::note,
          operation.method + ' ' + operation.path + " cannot be asked for: " + operation.unreachable,
          operation);
      proof_.coverage.push_back(std::move(coverage));
      return;
    }
    bool complete = true;
    for (const std::string& host : hosts_) {
      complete = each_path(operation.segments,
                           [&](const std::string& path, const CanonicalPath& canonical) {
                             if (!table_.owns(operation, canonical)) return;  // told there
                             const Rule* rule = governing(host, canonical, operation.method);
                             used_.insert(rule);
                             const bool known = std::any_of(
                                 coverage.parts.begin(), coverage.parts.end(),
                                 [rule](const Coverage::Part& part) { return part.rule == rule; });
                             if (!known) coverage.parts.push_back({rule, host + path});
                           }) &&
                 complete;
    }
    tell(coverage);
    const std::string name = operation.method + ' ' + operation.path;
    if (!complete)
      add(Kind::undecided, Severity::error, name + " falls into too many classes to look at each", operation);
    if (!operation.whole)
      add(Kind::partial_parameter, Severity::note,
          name + " has a parameter that is a part of a segment; it was taken for any segment", operation);
    proof_.coverage.push_back(std::move(coverage));
  }

  void tell(const Coverage& coverage) {
    const Operation& operation = *coverage.operation;
    const std::string name = operation.method + ' ' + operation.path;
    for (const Coverage::Part& part : coverage.parts) {
      if (part.rule == nullptr) {
        const bool all = coverage.parts.size() == 1;
        add(Kind::uncovered_operation, Severity::error,
            all ? "no rule governs " + name
                : "no rule governs some requests of " + name + ", for example " + part.example,
            operation);
        continue;
      }
      const RequirementKind kind = part.rule->requirement.kind;
      if (kind == RequirementKind::anonymous && operation.security == Declared::secured)
        add(Kind::open_operation, Severity::error,
            name + " is declared secured, but rule " + part.rule->id + " lets everybody in (" + part.example +
                ')',
            operation, part.rule);
      if (kind != RequirementKind::anonymous && kind != RequirementKind::never &&
          operation.security == Declared::open)
        add(Kind::guarded_operation, Severity::warning,
            name + " is declared open, but rule " + part.rule->id + " demands a token (" + part.example + ')',
            operation, part.rule);
    }
  }

  void judge(const Rule& rule) {
    if (rule.path != "*" && !used_.contains(&rule)) {
      const Governs governs = governs_anything(rule);
      if (governs == Governs::nothing)
        add(Kind::shadowed_rule, Severity::error,
            "rule " + rule.id + " never governs: more specific rules take every request of it", rule);
      else
        add(Kind::unused_rule, Severity::warning, "rule " + rule.id + " governs no operation of the document",
            rule);
      if (governs == Governs::unknown)
        add(Kind::undecided, Severity::error, "rule " + rule.id + " has too many classes to look at each",
            rule);
    }
    switch (meetable(rule)) {
      case Meetable::no:
        add(Kind::unmeetable_requirement, Severity::error,
            "nobody can meet what rule " + rule.id + " demands", rule);
        break;
      case Meetable::undecided:
        add(Kind::undecided, Severity::warning,
            "rule " + rule.id + " has more than " + std::to_string(requirement_terms_exact) +
                " different terms; whether they can be met is undecided",
            rule);
        break;
      case Meetable::yes:
        break;
    }
    permissions(rule, rule.requirement);
  }

  enum class Governs : std::uint8_t { nothing = 0, something, unknown };

  Governs governs_anything(const Rule& rule) const {
    std::vector<std::string> methods = rule.methods;
    if (methods.empty()) methods.emplace_back(other_method);
    bool complete = true;
    for (const std::string& host : all_hosts_) {
      for (const std::string& method : methods) {
        bool found = false;
        complete = each_path(rule.segments,
                             [&](const std::string&, const CanonicalPath& canonical) {
                               found = found || governing(host, canonical, method) == &rule;
                             }) &&
                   complete;
        if (found) return Governs::something;
      }
    }
    return complete ? Governs::nothing : Governs::unknown;
  }

  void permissions(const Rule& rule, const Requirement& part) {
    for (const Requirement& child : part.children) permissions(rule, child);
    if (part.kind != RequirementKind::permission || catalog_ == nullptr) return;
    const Handle permission = catalog_->handle(EntityKind::permission, part.id);
    if (permission != no_handle && held_.contains(permission)) return;
    if (!told_.insert(part.id).second) return;
    add(Kind::unheld_permission, Severity::warning, "no role gives the permission " + part.id, rule);
    proof_.findings.back().place = part.place;
  }

  void add(Kind kind, Severity severity, std::string sentence, const Operation& operation,
           const Rule* rule = nullptr) {
    proof_.findings.push_back({kind, severity, std::move(sentence), rule, &operation, operation.place});
  }
  void add(Kind kind, Severity severity, std::string sentence, const Rule& rule) {
    proof_.findings.push_back({kind, severity, std::move(sentence), &rule, nullptr, rule.place});
  }

  const Policy& policy_;
  const Catalog* catalog_;
  std::vector<std::string> all_hosts_, hosts_;
  OperationTable table_;
  PathClasses classes_;
  HandleSet held_;  ///< permissions that some role gives
  std::set<const Rule*> used_;
  std::set<std::string> told_;
  Proof proof_;
};

}  // namespace

std::string_view to_string(Severity severity) noexcept {
  switch (severity) {
    case Severity::note:
      return "note";
    case Severity::warning:
      return "warning";
    case Severity::error:
      return "error";
  }
  return "error";
}

std::string_view to_string(Finding::Kind kind) noexcept {
  switch (kind) {
    case Kind::uncovered_operation:
      return "uncovered_operation";
    case Kind::open_operation:
      return "open_operation";
    case Kind::guarded_operation:
      return "guarded_operation";
    case Kind::unused_rule:
      return "unused_rule";
    case Kind::shadowed_rule:
      return "shadowed_rule";
    case Kind::unheld_permission:
      return "unheld_permission";
    case Kind::unmeetable_requirement:
      return "unmeetable_requirement";
    case Kind::undecided:
      return "undecided";
    case Kind::partial_parameter:
      return "partial_parameter";
    case Kind::unreachable_operation:
      return "unreachable_operation";
  }
  return "undecided";
}

Meetable meetable(const Rule& rule) {
  if (rule.requirement.kind == RequirementKind::never) return Meetable::yes;  // closed on purpose
  TruthTable table;
  const Formula demand = table.formula(rule);
  if (!table.is_exact()) return Meetable::undecided;
  return table.find(demand, Formula{}) ? Meetable::yes : Meetable::no;
}

Proof prove(const Policy& policy, const std::vector<Operation>& operations, const Catalog* catalog,
            const std::vector<std::string>& hosts) {
  return Prover(policy, operations, catalog, hosts).run(operations);
}

}  // namespace postern::policy
