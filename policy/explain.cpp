#include "policy/explain.hpp"

#include <algorithm>
#include <optional>

#include "conf/diagnostic.hpp"
#include "policy/path_template.hpp"
#include "policy/resource_template.hpp"

namespace postern::policy {
namespace {

constexpr std::size_t names_shown_max = 5;  // of a list inside a sentence

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size() && i < names_shown_max; ++i)
    text += (text.empty() ? "" : ", ") + words[i];
  if (words.size() > names_shown_max) text += ", ...";
  return text;
}

/// Roles of the subject, or of the whole catalog, that give a permission.
std::vector<std::string> roles_giving(const Catalog& catalog, Handle permission, const Subject* holder) {
  std::vector<std::string> roles;
  for (const std::string_view id : catalog.ids(EntityKind::role)) {
    const Handle role = catalog.handle(EntityKind::role, id);
    const Catalog::Entity* entity = catalog.find(EntityKind::role, role);
    if (entity == nullptr || !entity->permissions.contains(permission)) continue;
    if (holder == nullptr || holder->holds_role(role)) roles.emplace_back(id);
  }
  return roles;
}

/// Says what a term is held through, or what is in the way.
class Reasons {
 public:
  Reasons(const Binding& binding, const Subject& subject, std::string resource)
      : binding_(binding), subject_(subject), resource_(std::move(resource)) {}

  [[nodiscard]] std::string of(const Requirement& term, Answer answer) const {
    switch (term.kind) {
      case RequirementKind::permission:
        return permission(handle_of(term), answer);
      case RequirementKind::license:
      case RequirementKind::application_license:
        return license(term, handle_of(term), answer);
      case RequirementKind::role:
      case RequirementKind::group:
        return handle_of(term) == no_handle ? "does not exist" : "";
      case RequirementKind::client_certificate:
        return subject_.certificate.empty() ? "no certificate was shown"
                                            : "shown: " + std::string(subject_.certificate);
      default:
        return {};
    }
  }

 private:
  [[nodiscard]] Handle handle_of(const Requirement& term) const {
    return term.symbol < binding_.handles.size() ? binding_.handles[term.symbol] : no_handle;
  }

  [[nodiscard]] std::string permission(Handle handle, Answer answer) const {
    if (handle == no_handle) return "does not exist";
    if (subject_.catalog == nullptr) return {};
    if (answer == Answer::met) {
      const auto& held = subject_.permissions;
      if (std::find(held.begin(), held.end(), handle) != held.end()) return "held directly";
      const std::vector<std::string> roles = roles_giving(*subject_.catalog, handle, &subject_);
      if (!roles.empty()) return "through role " + joined(roles);
      return "by a grant on " + resource_;
    }
    const std::vector<std::string> roles = roles_giving(*subject_.catalog, handle, nullptr);
    std::string text = roles.empty() ? "no role gives it" : "given by role " + joined(roles);
    if (!resource_.empty()) text += ", or a grant on " + resource_;
    return text;
  }

  [[nodiscard]] std::string license(const Requirement& term, Handle handle, Answer answer) const {
    if (handle == no_handle) return "does not exist";
    if (answer == Answer::met || subject_.catalog == nullptr) return {};
    const Catalog::Entity* entity = subject_.catalog->find(EntityKind::license, handle);
    if (entity != nullptr && !entity->enabled) return "disabled";
    return term.kind == RequirementKind::license ? "not assigned" : "";
  }

  const Binding& binding_;
  const Subject& subject_;
  std::string resource_;
};

bool host_matches(const Rule& rule, std::string_view host) {
  if (rule.host.empty() || rule.host == host) return true;
  return rule.host.front() == '*' && host.size() >= rule.host.size() &&
         host.ends_with(std::string_view(rule.host).substr(1));
}

bool method_matches(const Rule& rule, std::string_view method) {
  const auto names = [&rule](std::string_view wanted) {
    return std::find(rule.methods.begin(), rule.methods.end(), wanted) != rule.methods.end();
  };
  return rule.methods.empty() || names(method) || (method == "HEAD" && names("GET"));
}

std::string decoded(std::string_view segment) {
  std::string out(segment.size(), '\0');
  out.resize(decode_segment(segment, out).size());
  return out;
}

/// What keeps a path from matching a template: nothing, one thing that can be said, or too much.
struct PathFit {
  std::size_t misses = 0;
  std::string sentence;

  void miss(std::string why) {
    if (misses++ == 0) sentence = std::move(why);
  }
};

PathFit fit(const Rule& rule, const CanonicalPath& path) {
  PathFit fit;
  const bool rest = !rule.segments.empty() && rule.segments.back().kind == TemplateSegment::Kind::rest;
  const std::size_t fixed = rule.segments.size() - (rest ? 1 : 0);
  bool kin = false;  // shares a literal, or nearly
  for (std::size_t i = 0; i < std::min<std::size_t>(fixed, path.segment_count); ++i) {
    const TemplateSegment& wanted = rule.segments[i];
    const std::string got = decoded(path.segment(i));
    const std::string place = "segment " + std::to_string(i + 1);
    if (wanted.kind == TemplateSegment::Kind::param && got.empty()) {
      fit.miss(place + " is empty, {" + wanted.text + "} is not");
    } else if (wanted.kind == TemplateSegment::Kind::literal) {
      const std::string literal = decoded_literal(wanted);
      kin = kin || !nearest(got, {literal}).empty();
      if (literal != got) fit.miss(place + " is " + quoted(got) + ", not " + quoted(literal));
    }
  }
  if (path.segment_count < fixed)
    fit.miss("the path ends " + std::to_string(fixed - path.segment_count) + " too early");
  if (path.segment_count > fixed && !rest)
    fit.miss(path.segment_count == fixed + 1 && path.segment(fixed).empty()
                 ? "the path has a '/' more at its end"
                 : "the path goes on");
  // One that is much longer or shorter is another path, not a near one.
  const std::size_t apart =
      path.segment_count > fixed ? (rest ? 0 : path.segment_count - fixed) : fixed - path.segment_count;
  if (apart > 1 || (fit.misses == 1 && !kin)) fit.misses += 1 + apart;
  return fit;
}

std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::optional<NearMiss> near_miss(const Rule& rule, const RequestLine& request) {
  const bool host = host_matches(rule, request.host);
  const bool method = method_matches(rule, request.method);
  const PathFit path = fit(rule, request.path);
  const int failed = (host ? 0 : 1) + (method ? 0 : 1) + (path.misses == 0 ? 0 : 1);
  if (failed > 1 || path.misses > 1) return std::nullopt;
  if (!method)
    return NearMiss{&rule, NearMiss::Why::method,
                    "the method " + std::string(request.method) + " is not among " + list_of(rule.methods)};
  if (!host)
    return NearMiss{&rule, NearMiss::Why::host,
                    request.host.empty() ? "the request names no host"
                                         : "the host " + std::string(request.host) + " is not " + rule.host};
  if (path.misses == 1) return NearMiss{&rule, NearMiss::Why::segment, path.sentence};
  return NearMiss{&rule, NearMiss::Why::outranked, "matches too, but is less specific"};
}

void report_parts(const Requirement& part, std::size_t depth, const Match& match, const Binding& binding,
                  const Subject& subject, const Reasons& reasons, std::vector<PartReport>& reports) {
  const Answer answer = evaluate(match, binding, subject, part);
  reports.push_back({&part, depth, answer, reasons.of(part, answer)});
  for (const Requirement& child : part.children)
    report_parts(child, depth + 1, match, binding, subject, reasons, reports);
}

std::string resource_of(const Match& match) {
  if (match.rule == nullptr || match.rule->resource.empty()) return {};
  char buffer[limits::resource_bytes_max];
  const auto rendered = render_resource(match.rule->resource, match.params, buffer);
  return rendered ? std::string(*rendered) : std::string();
}

}  // namespace

std::string_view to_string(NearMiss::Why why) noexcept {
  switch (why) {
    case NearMiss::Why::outranked:
      return "less_specific";
    case NearMiss::Why::method:
      return "method";
    case NearMiss::Why::host:
      return "host";
    case NearMiss::Why::segment:
      return "segment";
  }
  return "unknown";
}

std::string_view to_string(Answer answer) noexcept {
  switch (answer) {
    case Answer::unmet:
      return "not met";
    case Answer::unknown:
      return "cannot be told";
    case Answer::met:
      return "met";
  }
  return "unknown";
}

std::string to_string(const Requirement& part) {
  std::string text(to_string(part.kind));
  if (!part.id.empty()) text += ' ' + part.id;
  return text;
}

std::vector<NearMiss> near_misses(const std::vector<Rule>& rules, const Rule* governing,
                                  const RequestLine& request) {
  std::vector<NearMiss> found;
  for (const Rule& rule : rules) {
    if (&rule == governing || rule.path == "*") continue;
    if (std::optional<NearMiss> miss = near_miss(rule, request)) found.push_back(std::move(*miss));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const NearMiss& a, const NearMiss& b) { return a.why < b.why; });
  if (found.size() > near_misses_max) found.resize(near_misses_max);
  return found;
}

Explanation explain(const Policy& policy, const RequestLine& request, bool asterisk, const Binding& binding,
                    Credential credential, const Subject& subject) {
  Explanation explanation;
  explanation.match = asterisk ? policy.match_asterisk(request.host, request.method)
                               : policy.match(request.host, request.path, request.method);
  const Rule* governing = explanation.match.rule;
  if (governing != nullptr && request.input != nullptr) {
    explanation.match.failed = first_failed(governing->conditions, *request.input);
    for (const Condition& condition : governing->conditions)
      explanation.conditions.emplace_back(&condition,
                                          first_failed({&condition, 1}, *request.input) == nullptr);
  }
  explanation.decision = decide(explanation.match, binding, credential, subject);
  explanation.resource = resource_of(explanation.match);
  if (explanation.match.rule != nullptr) {
    const Reasons reasons(binding, subject, explanation.resource);
    report_parts(explanation.match.rule->requirement, 0, explanation.match, binding, subject, reasons,
                 explanation.parts);
  }
  if (!asterisk) explanation.near_misses = near_misses(policy.rules(), explanation.match.rule, request);
  return explanation;
}

}  // namespace postern::policy
