#include "proxy/cli/foreseen.hpp"

#include <algorithm>

namespace postern::cli {
namespace {

constexpr std::size_t holders_max = 50'000;  // looked up again beyond that, so that memory stays bounded

bool is_of_request(const policy::Condition& condition) noexcept {
  return condition.on != policy::Condition::On::client;
}

/// The same demand, wherever it stands.
bool is_same(const policy::Condition& a, const policy::Condition& b) {
  return a.on == b.on && a.test == b.test && a.name == b.name && a.values == b.values &&
         a.networks == b.networks;
}

bool has(const policy::Rule& rule, const policy::Condition& condition) {
  return std::any_of(rule.conditions.begin(), rule.conditions.end(),
                     [&](const policy::Condition& one) { return is_same(one, condition); });
}

/// Whether the decision of then shows that all conditions of its rule held.
bool all_held(const policy::Rule& then, const LoggedRequest& request) {
  if (request.reason == "condition_not_met" || request.reason == "denied") return false;
  // In shadow mode they are looked at last.
  const bool last =
      then.mode == policy::Mode::shadow && then.requirement.kind != policy::RequirementKind::anonymous;
  return !last || request.credential == policy::Credential::valid;
}

/// Whether one that does not hold is among the conditions of `now`, since one of then's did not, and all of
/// then's are.
bool still_fails(const policy::Rule& then, const policy::Rule& now, const LoggedRequest& request) {
  if (request.reason != "condition_not_met") return false;
  return std::all_of(then.conditions.begin(), then.conditions.end(), [&](const policy::Condition& condition) {
    return has(now, condition) ||
           (!is_of_request(condition) &&
            policy::first_failed({&condition, 1}, {{}, {}, request.client, true}) == nullptr);
  });
}

/// Adds to a list of what is not known.
void add_word(std::string& list, const std::string& word) {
  list += (list.empty() ? "" : ", ") + word;
}

policy::Match match_of(const policy::Policy& policy, const AskedRequest& asked) noexcept {
  return asked.asterisk() ? policy.match_asterisk(asked.host(), asked.method())
                          : policy.match(asked.host(), asked.path(), asked.method());
}

}  // namespace

policy::Match Foresight::match(const AskedRequest& asked) const noexcept {
  return match_of(policy_.policy(), asked);
}

/// The rule that decided then; null when the log is of another policy than the old one.
const policy::Rule* Foresight::rule_then(const LoggedRequest& request, const AskedRequest& asked) const {
  if (options_.old == nullptr) return nullptr;
  const policy::Rule* rule = match_of(*options_.old, asked).rule;
  return rule != nullptr && rule->id == request.rule ? rule : nullptr;
}

const policy::HeldSubject* Foresight::holder(const LoggedRequest& request) {
  const auto known = holders_.find(request.token);
  if (known != holders_.end()) return known->second.get();
  if (holders_.size() >= holders_max) holders_.clear();
  std::unique_ptr<const policy::HeldSubject>& holder = holders_[request.token];
  if (source_.store() == nullptr) return nullptr;
  // A token may be gone while its user is still there.
  auto asked = ask_token(*source_.store(), request.token);
  if (!asked && request.subject_type == "user") asked = ask_user(*source_.store(), request.subject);
  if (asked) holder = std::make_unique<policy::HeldSubject>(std::move(asked->holdings), policy_.names());
  return holder.get();
}

void Foresight::add(const policy::Decision& decision, Foreseen& foreseen) const {
  const bool shadowed = decision.shadowed && !options_.enforce;
  const bool allowed = decision.verdict == policy::Verdict::allow && !decision.shadowed;
  const bool first = !foreseen.may_pass() && !foreseen.may_be_denied;
  if (first || (!allowed && !shadowed && !foreseen.may_be_denied)) foreseen.decision = decision;
  foreseen.may_be_allowed |= allowed;
  foreseen.may_be_shadowed |= shadowed;
  foreseen.may_be_denied |= !allowed && !shadowed;
}

void Foresight::decide(const policy::Match& match, policy::Credential credential,
                       const LoggedRequest& request, Foreseen& foreseen) {
  policy::Subject subject;
  if (credential != policy::Credential::valid) {
    subject.certificate = request.certificate;
    return add(policy::decide(match, policy_.binding(), credential, subject), foreseen);
  }
  // Without a token in the log nothing is known of one that stood where nobody looked.
  const bool logged = request.credential == policy::Credential::valid;
  const policy::HeldSubject* held = logged ? holder(request) : nullptr;
  if (held != nullptr) subject = held->subject();
  if (logged) subject.id = request.subject;
  subject.certificate = request.certificate;
  if (held != nullptr) return add(policy::decide(match, policy_.binding(), credential, subject), foreseen);

  // Bound to nothing, every right is one that cannot be told, and what does not depend on any is exact.
  const policy::Binding nothing;
  policy::Decision decision = policy::decide(match, nothing, credential, subject);
  add(decision, foreseen);
  if (decision.unmet == nullptr || decision.reason == policy::Reason::denied) return;
  if (logged && policy::evaluate(match, nothing, subject, match.rule->requirement) != policy::Answer::unknown)
    return;
  decision = {};
  decision.verdict = policy::Verdict::allow;
  decision.reason = policy::Reason::granted;
  decision.rule = match.rule;
  add(decision, foreseen);
}

Foreseen Foresight::of(const LoggedRequest& request, AskedRequest& asked) {
  Foreseen foreseen;
  asked.keep_slashes(policy_.policy());
  if (asked.error() != policy::TargetError::none) {
    foreseen.refused = asked.error();
    foreseen.may_be_denied = true;
    return foreseen;
  }
  policy::Match match = this->match(asked);
  foreseen.rule = match.rule;
  if (match.rule == nullptr) {
    decide(match, request.credential, request, foreseen);
    return foreseen;
  }
  const policy::Rule& rule = *match.rule;
  const policy::Rule* then = rule_then(request, asked);
  // Where the client was is known; a condition on the rest may hold or not, unless the log shows which.
  match.failed = policy::first_failed(rule.conditions, {{}, {}, request.client, true});
  std::vector<const policy::Condition*> open;
  for (const policy::Condition& condition : rule.conditions) {
    const bool held = then != nullptr && all_held(*then, request) && has(*then, condition);
    if (is_of_request(condition) && !held) open.push_back(&condition);
  }
  if (match.failed == nullptr && then != nullptr && !open.empty() && still_fails(*then, rule, request))
    match.failed = open.front();
  const bool may_fail = match.failed == nullptr && !open.empty();
  // A rule with places of its own may see no token where there was one, and one where nobody looked.
  const bool places = then != nullptr ? rule.credentials != then->credentials : !rule.credentials.empty();
  const policy::Credential other = request.credential == policy::Credential::absent
                                       ? policy::Credential::valid
                                       : policy::Credential::absent;
  for (int i = 0; i < (may_fail ? 2 : 1); ++i) {
    if (i == 1) match.failed = open.front();
    decide(match, request.credential, request, foreseen);
    if (places) decide(match, other, request, foreseen);
  }
  if (foreseen.is_known()) return foreseen;
  if (may_fail)
    for (const policy::Condition* condition : open) add_word(foreseen.unknown, policy::to_string(*condition));
  if (places) add_word(foreseen.unknown, "the place of its token");
  if (request.credential == policy::Credential::valid && holder(request) == nullptr)
    add_word(foreseen.unknown, "the rights of its token");
  return foreseen;
}

}  // namespace postern::cli
