#include "proxy/cli/needed_rights.hpp"

#include "policy/resource_template.hpp"

namespace postern::cli {
namespace {

using policy::Requirement;
using policy::RequirementKind;

class Search {
 public:
  Search(const policy::Match& match, const policy::Binding& binding, const policy::Subject& subject)
      : match_(match), binding_(binding), subject_(subject) {
    char buffer[limits::resource_bytes_max];
    if (match.rule->resource.empty()) return;
    if (const auto rendered = policy::render_resource(match.rule->resource, match.params, buffer))
      resource_ = *rendered;
  }

  [[nodiscard]] std::optional<NeededRights> of(const Requirement& part) const {
    switch (part.kind) {
      case RequirementKind::permission:
        return NeededRights{{part.kind, part.id, resource_}};
      case RequirementKind::role:
      case RequirementKind::group:
      case RequirementKind::license:
        return NeededRights{{part.kind, part.id, {}}};
      case RequirementKind::owner:
      case RequirementKind::client_certificate:
        return is_met(part) ? std::optional(NeededRights{}) : std::nullopt;
      case RequirementKind::all_of:
        return all_of(part);
      case RequirementKind::any_of:
        return any_of(part);
      case RequirementKind::never:
        return std::nullopt;
      default:
        return NeededRights{};
    }
  }

 private:
  [[nodiscard]] bool is_met(const Requirement& part) const {
    return policy::evaluate(match_, binding_, subject_, part) == policy::Answer::met;
  }

  [[nodiscard]] std::optional<NeededRights> all_of(const Requirement& all) const {
    NeededRights rights;
    for (const Requirement& part : all.children) {
      auto one = of(part);
      if (!one) return std::nullopt;
      rights.merge(*one);
    }
    return rights;
  }

  [[nodiscard]] std::optional<NeededRights> any_of(const Requirement& any) const {
    std::optional<NeededRights> best;
    bool best_is_held = false;
    for (const Requirement& part : any.children) {
      auto one = of(part);
      if (!one) continue;
      const bool held = is_met(part);
      if (best && (best_is_held > held || (best_is_held == held && best->size() <= one->size()))) continue;
      best = std::move(one);
      best_is_held = held;
    }
    return best;
  }

  const policy::Match& match_;
  const policy::Binding& binding_;
  const policy::Subject& subject_;
  std::string resource_;
};

}  // namespace

std::optional<NeededRights> needed_rights(const policy::Match& match, const policy::Binding& binding,
                                          const policy::Subject& subject) {
  return Search(match, binding, subject).of(match.rule->requirement);
}

}  // namespace postern::cli
