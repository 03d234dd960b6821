#include "proxy/cli/observed_use.hpp"

namespace postern::cli {

bool ObservedUse::counts(const LoggedRequest& then) const {
  if (!then.decided || then.credential != policy::Credential::valid) return false;
  if (then.allowed) return true;
  return denied_ && (then.reason.starts_with("missing_") || then.reason == "requirement_not_met");
}

SubjectUse* ObservedUse::use_of(const LoggedRequest& then, const policy::HeldSubject* holder) {
  // Who holds the token now, where it is still there: the log is only believed about what it alone knows.
  const std::string type =
      holder ? std::string(policy::to_string(holder->subject().type)) : then.subject_type;
  const std::string id = holder ? holder->holdings().id : then.subject;
  const std::string key = type + ' ' + id;
  const auto known = subjects_.find(key);
  if (known != subjects_.end()) return &known->second;
  if (subjects_.size() >= subjects_max) return nullptr;
  SubjectUse& use = subjects_[key];
  use.type = type;
  use.id = id;
  use.known = holder != nullptr;
  if (holder != nullptr) use.holdings = holder->holdings();
  return &use;
}

void ObservedUse::take(const LoggedRequest& then, AskedRequest& asked) {
  if (!counts(then)) return void(++aside_);
  asked.keep_slashes(policy_.policy());
  if (asked.error() != policy::TargetError::none) return void(++hopeless_);
  const policy::Match match = foresight_.match(asked);
  if (match.rule == nullptr) return void(++hopeless_);
  const policy::HeldSubject* holder = foresight_.holder(then);
  policy::Subject subject;
  if (holder != nullptr) subject = holder->subject();
  subject.id = then.subject;
  subject.certificate = then.certificate;
  const policy::Binding nothing;
  const auto rights = needed_rights(match, holder != nullptr ? policy_.binding() : nothing, subject);
  if (!rights) return void(++hopeless_);
  SubjectUse* use = use_of(then, holder);
  if (use == nullptr) return void(++beyond_);
  ++counted_;
  ++use->requests;
  if (then.shadowed || !then.allowed) ++use->refusable;
  for (const NeededRight& right : *rights) {
    if (right.kind == policy::RequirementKind::role) use->roles.insert(right.id);
    if (right.kind == policy::RequirementKind::group) use->groups.insert(right.id);
    if (right.kind == policy::RequirementKind::license) use->licenses.insert(right.id);
    if (right.kind != policy::RequirementKind::permission) continue;
    SubjectUse::Where& where = use->permissions[right.id];
    if (where.everywhere) continue;
    if (!right.resource.empty()) where.resources.insert(right.resource);
    if (right.resource.empty() || where.resources.size() > SubjectUse::resources_max) {
      where.everywhere = true;
      where.resources.clear();
    }
  }
}

}  // namespace postern::cli
