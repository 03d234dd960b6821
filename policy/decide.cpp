#include "policy/decide.hpp"

#include <optional>

#include "policy/resource_template.hpp"

namespace postern::policy {
namespace {

/// What became of a requirement, and the term to name when it is not met.
struct Outcome {
  Answer answer = Answer::unmet;
  const Requirement* unmet = nullptr;
};

/// One request's view of a requirement tree.
class Evaluation {
 public:
  Evaluation(const Match& match, const Binding& binding, const Subject& subject) noexcept
      : match_(match), binding_(binding), subject_(subject) {}

  Outcome evaluate(const Requirement& requirement) noexcept {
    switch (requirement.kind) {
      case RequirementKind::authenticated:
      case RequirementKind::anonymous:
        return {Answer::met, nullptr};
      case RequirementKind::permission:
      case RequirementKind::role:
      case RequirementKind::group:
      case RequirementKind::license:
      case RequirementKind::application_license:
        return term(requirement);
      case RequirementKind::client_certificate:
        return certificate(requirement);
      case RequirementKind::owner:
        return owner(requirement);
      case RequirementKind::all_of:
        return all_of(requirement);
      case RequirementKind::any_of:
        return any_of(requirement);
      case RequirementKind::negation:
        return negation(requirement);
      case RequirementKind::never:
        break;
    }
    return {Answer::unmet, &requirement};
  }

 private:
  Outcome term(const Requirement& term) noexcept {
    const Handle handle = term.symbol < binding_.handles.size() ? binding_.handles[term.symbol] : no_handle;
    if (handle == no_handle) return {Answer::unknown, &term};
    return holds(term.kind, handle) ? Outcome{Answer::met, nullptr} : Outcome{Answer::unmet, &term};
  }

  Outcome certificate(const Requirement& term) const noexcept {
    const bool met = !subject_.certificate.empty() && (term.id.empty() || term.id == subject_.certificate);
    return met ? Outcome{Answer::met, nullptr} : Outcome{Answer::unmet, &term};
  }

  Outcome owner(const Requirement& term) const noexcept {
    char buffer[limits::user_id_bytes_max + 1];  // what does not fit is longer than any id
    const std::string_view id = decode_segment(match_.params[term.symbol], buffer);
    const bool met = !subject_.id.empty() && id == subject_.id;
    return met ? Outcome{Answer::met, nullptr} : Outcome{Answer::unmet, &term};
  }

  bool holds(RequirementKind kind, Handle handle) noexcept {
    switch (kind) {
      case RequirementKind::permission:
        return subject_.holds_permission(handle) || holds_grant(handle);
      case RequirementKind::role:
        return subject_.holds_role(handle);
      case RequirementKind::group:
        return subject_.holds_group(handle);
      case RequirementKind::license:
        return subject_.holds_license(handle);
      case RequirementKind::application_license:
        return application_has(handle);
      default:
        return false;
    }
  }

  bool holds_grant(Handle permission) noexcept {
    const Rule& rule = *match_.rule;
    if (rule.resource.empty() || subject_.grants.empty()) return false;
    if (!rendered_) {
      rendered_ = true;
      resource_ = render_resource(rule.resource, match_.params, buffer_);
    }
    return resource_ && subject_.holds_grant(permission, *resource_);
  }

  bool application_has(Handle license) const noexcept {
    if (subject_.catalog == nullptr) return false;
    const Catalog::Entity* entity = subject_.catalog->find(EntityKind::license, license);
    return entity != nullptr && entity->license_kind == LicenseKind::application && entity->enabled;
  }

  /// The first term that is surely unmet decides, else the first one that cannot be told.
  Outcome all_of(const Requirement& all) noexcept {
    Outcome outcome{Answer::met, nullptr};
    for (const Requirement& child : all.children) {
      const Outcome one = evaluate(child);
      if (one.answer == Answer::unmet) return one;
      if (one.answer == Answer::unknown && outcome.answer == Answer::met) outcome = one;
    }
    return outcome;
  }

  Outcome any_of(const Requirement& any) noexcept {
    Answer best = Answer::unmet;
    for (const Requirement& child : any.children) {
      const Answer answer = evaluate(child).answer;
      if (answer == Answer::met) return {Answer::met, nullptr};
      if (answer == Answer::unknown) best = Answer::unknown;
    }
    return {best, &any};
  }

  Outcome negation(const Requirement& negation) noexcept {
    switch (evaluate(negation.children.front()).answer) {
      case Answer::unmet:
        return {Answer::met, nullptr};
      case Answer::met:
        return {Answer::unmet, &negation};
      case Answer::unknown:
        break;
    }
    return {Answer::unknown, &negation};
  }

  const Match& match_;
  const Binding& binding_;
  const Subject& subject_;
  bool rendered_ = false;
  char buffer_[limits::resource_bytes_max];
  std::optional<std::string_view> resource_;  ///< in buffer_; rendered when the first grant is asked for
};

Reason reason_of(const Requirement& unmet) noexcept {
  switch (unmet.kind) {
    case RequirementKind::permission:
      return Reason::missing_permission;
    case RequirementKind::role:
      return Reason::missing_role;
    case RequirementKind::group:
      return Reason::missing_group;
    case RequirementKind::license:
    case RequirementKind::application_license:
      return Reason::missing_license;
    case RequirementKind::owner:
      return Reason::not_owner;
    default:
      return Reason::requirement_not_met;
  }
}

Reason without_token(Credential credential) noexcept {
  return credential == Credential::absent ? Reason::no_credential : Reason::invalid_token;
}

}  // namespace

std::string_view to_string(Reason reason) noexcept {
  switch (reason) {
    case Reason::no_rule:
      return "no_rule";
    case Reason::denied:
      return "denied";
    case Reason::no_credential:
      return "no_credential";
    case Reason::invalid_token:
      return "invalid_token";
    case Reason::missing_permission:
      return "missing_permission";
    case Reason::missing_role:
      return "missing_role";
    case Reason::missing_group:
      return "missing_group";
    case Reason::missing_license:
      return "missing_license";
    case Reason::requirement_not_met:
      return "requirement_not_met";
    case Reason::anonymous:
      return "anonymous";
    case Reason::granted:
      return "granted";
    case Reason::not_owner:
      return "not_owner";
    case Reason::condition_not_met:
      return "condition_not_met";
  }
  return "unknown";
}

Answer evaluate(const Match& match, const Binding& binding, const Subject& subject,
                const Requirement& part) noexcept {
  return Evaluation(match, binding, subject).evaluate(part).answer;
}

Decision decide(const Match& match, const Binding& binding, Credential credential,
                const Subject& subject) noexcept {
  Decision decision;
  decision.rule = match.rule;
  if (match.rule == nullptr) {
    if (credential != Credential::valid) decision.reason = without_token(credential);
    return decision;
  }
  const Requirement& requirement = match.rule->requirement;
  if (requirement.kind == RequirementKind::never) {
    decision.reason = Reason::denied;
    decision.unmet = &requirement;
    return decision;
  }
  // A failed condition comes before the credential, since none could change the answer; in shadow mode after
  // it, since a missing one is never shadowed.
  const bool shadow = match.rule->mode == Mode::shadow;
  const bool anonymous = requirement.kind == RequirementKind::anonymous;
  if (match.failed != nullptr && (!shadow || anonymous || credential == Credential::valid)) {
    decision.failed = match.failed;
    decision.reason = Reason::condition_not_met;
    decision.shadowed = shadow;
    if (shadow) decision.verdict = Verdict::allow;
    return decision;
  }
  if (anonymous) {
    decision.verdict = Verdict::allow;
    decision.reason = Reason::anonymous;
    return decision;
  }
  if (credential != Credential::valid) {
    decision.reason = without_token(credential);
    return decision;
  }
  const Outcome outcome = Evaluation(match, binding, subject).evaluate(requirement);
  if (outcome.answer == Answer::met) {
    decision.verdict = Verdict::allow;
    decision.reason = Reason::granted;
    return decision;
  }
  decision.unmet = outcome.unmet;
  decision.reason = reason_of(*outcome.unmet);
  // Shadowing lets authorisation pass, never a missing or bad credential.
  decision.shadowed = shadow;
  if (shadow) decision.verdict = Verdict::allow;
  return decision;
}

}  // namespace postern::policy
