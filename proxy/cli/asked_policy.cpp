#include "proxy/cli/asked_policy.hpp"

#include <array>
#include <boost/json.hpp>

#include "proxy/subject_block.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

/// The header lines that the upstream would get, one string each.
std::vector<std::string> injected(const policy::Subject& subject, const Config& config) {
  std::array<char, limits::subject_block_bytes_max> block{};
  const std::size_t size =
      write_subject_block(subject, config.header_prefix, config.header_permissions, block);
  std::vector<std::string> lines;
  std::string_view rest(block.data(), size);
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 2);
  }
  return lines;
}

std::string verdict_line(const policy::Decision& decision, const AskedSubject& subject) {
  std::string text;
  if (decision.shadowed) {
    text = "allowed, since the rule is in shadow mode; enforced it would be denied: ";
  } else if (decision.verdict == policy::Verdict::allow) {
    text = "allowed: ";
  } else {
    const Answer answer = answers::of(decision);
    text = "denied, " + std::to_string(answer.status) + ' ' + std::string(answer.code) + ": ";
  }
  text += policy::to_string(decision.reason);
  if (decision.unmet != nullptr) text += " (" + policy::to_string(*decision.unmet) + ')';
  if (decision.failed != nullptr) text += " (" + policy::to_string(*decision.failed) + ')';
  if (subject.credential == policy::Credential::unusable && subject.token_state != store::TokenState::valid)
    text += ", the token is " + std::string(store::to_string(subject.token_state));
  return text;
}

std::string line_of(const policy::Policy& policy, const policy::Rule* rule) {
  if (rule == nullptr) return "none matches";
  std::string text = rule->id + ", " + policy.where(rule->place) + ": ";
  for (const std::string& method : rule->methods) text += method + ' ';
  return text + rule->host + rule->path;
}

}  // namespace

std::string_view AskedAnswer::reason() const noexcept {
  return refused() ? policy::to_string(request.error()) : policy::to_string(explanation.decision.reason);
}

Answer AskedAnswer::denial() const {
  return refused() ? answers::of(request.error()) : answers::of(explanation.decision);
}

std::string AskedAnswer::rule_line() const {
  return line_of(policy, explanation.match.rule);
}

json::object AskedAnswer::record() const {
  if (refused())
    return {{"allowed", false},
            {"reason", reason()},
            {"status", denial().status},
            {"method", request.method()},
            {"target", request.target()}};
  const policy::Decision& decision = explanation.decision;
  json::object record;
  record["allowed"] = allowed();
  record["reason"] = reason();
  record["shadowed"] = decision.shadowed;
  record["status"] = allowed() ? json::value() : json::value(denial().status);
  record["method"] = request.method();
  record["host"] = request.host();
  record["path"] = request.path().text;
  record["token_state"] = subject.credential == policy::Credential::absent
                              ? json::value()
                              : json::value(store::to_string(subject.token_state));
  const policy::Rule* rule = explanation.match.rule;
  record["rule"] = rule ? json::value(rule->id) : json::value();
  record["place"] = rule ? json::value(policy.where(rule->place)) : json::value();
  json::object params;
  for (std::size_t i = 0; rule && i < rule->params.size(); ++i)
    params[rule->params[i]] = explanation.match.params[i];
  record["parameters"] = std::move(params);
  record["resource"] = explanation.resource.empty() ? json::value() : json::value(explanation.resource);
  json::array parts;
  for (const policy::PartReport& part : explanation.parts)
    parts.push_back(json::object{{"requirement", policy::to_string(*part.part)},
                                 {"place", policy.where(part.part->place)},
                                 {"depth", part.depth},
                                 {"answer", policy::to_string(part.answer)},
                                 {"through", part.through}});
  record["requirements"] = std::move(parts);
  json::array conditions;
  for (const auto& [condition, holds] : explanation.conditions)
    conditions.push_back(json::object{{"condition", policy::to_string(*condition)},
                                      {"place", policy.where(condition->place)},
                                      {"holds", holds}});
  record["conditions"] = std::move(conditions);
  json::array misses;
  for (const policy::NearMiss& miss : explanation.near_misses)
    misses.push_back(json::object{{"rule", miss.rule->id},
                                  {"place", policy.where(miss.rule->place)},
                                  {"why", policy::to_string(miss.why)},
                                  {"detail", miss.sentence}});
  record["near_misses"] = std::move(misses);
  json::array lines;
  for (const std::string& line : headers) lines.emplace_back(line);
  record["headers"] = std::move(lines);
  return record;
}

std::string AskedAnswer::text() const {
  if (refused())
    return request.method() + ' ' + request.target() + "\ndenied, " + std::to_string(denial().status) +
           ": the target is refused before any rule, " + std::string(reason()) + '\n';
  const policy::Rule* rule = explanation.match.rule;
  std::string text = request.method() + ' ' + std::string(request.path().text);
  if (!request.host().empty()) text += " on " + std::string(request.host());
  text += '\n' + verdict_line(explanation.decision, subject) + "\nrule " + rule_line() + '\n';
  for (std::size_t i = 0; rule && i < rule->params.size(); ++i)
    text += "  {" + rule->params[i] + "} is " + std::string(explanation.match.params[i]) + '\n';
  if (!explanation.resource.empty()) text += "  resource " + explanation.resource + '\n';
  if (!explanation.parts.empty()) text += "it demands\n";
  const bool judged = subject.credential == policy::Credential::valid;
  for (const policy::PartReport& part : explanation.parts) {
    text += std::string(2 * part.depth + 2, ' ') + policy::to_string(*part.part);
    const bool open = part.part->kind == policy::RequirementKind::anonymous ||
                      part.part->kind == policy::RequirementKind::never;
    if (!open)
      text += ": " + std::string(judged ? policy::to_string(part.answer) : "not asked without a valid token");
    if (!open && judged && !part.through.empty()) text += ", " + part.through;
    text += '\n';
  }
  for (const auto& [condition, holds] : explanation.conditions)
    text += "condition " + policy::to_string(*condition) + (holds ? ": holds\n" : ": does not hold\n");
  if (!explanation.near_misses.empty()) text += "near misses\n";
  for (const policy::NearMiss& miss : explanation.near_misses)
    text += "  " + line_of(policy, miss.rule) + "\n    " + miss.sentence + '\n';
  if (!headers.empty()) text += "headers to the upstream\n";
  for (const std::string& line : headers) text += "  " + line + '\n';
  return text;
}

AskedPolicy::AskedPolicy(const PolicySource& source)
    : source_(source), names_(source.names_for(source.policy())), binding_(source.policy().bind(names_)) {}

AskedAnswer AskedPolicy::answer(const AskedRequest& request, const policy::ConditionInput& input,
                                const AskedSubject& subject) const {
  AskedAnswer answer{request, policy(), subject, {}, {}};
  if (answer.refused()) return answer;
  const policy::HeldSubject held(subject.holdings, names_);
  answer.explanation = policy::explain(policy(), {request.host(), request.path(), request.method(), &input},
                                       request.asterisk(), binding_, subject.credential, held.subject());
  if (!answer.allowed()) return answer;
  answer.headers = injected(held.subject(), source_.config());
  if (!answer.headers.empty())
    for (const UpstreamHeader& own : answer.explanation.match.rule->upstream_headers)
      answer.headers.push_back(own.name + ": " + own.value);
  return answer;
}

std::vector<std::string> AskedPolicy::unknown_of(const AskedSubject& subject) const {
  return policy::HeldSubject(subject.holdings, names_).unknown();
}

}  // namespace postern::cli
