#include <boost/json.hpp>

#include "conf/option.hpp"
#include "policy/explain.hpp"
#include "proxy/answer.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/asked_request.hpp"
#include "proxy/cli/asked_subject.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/policy_source.hpp"
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

/// What the client would be told.
Answer answer_of(const policy::Decision& decision) {
  return decision.verdict == policy::Verdict::allow ? Answer{} : answers::of(decision);
}

std::string place_of(const policy::Policy& policy, policy::Place place) {
  return policy.file() + ':' + std::to_string(place.line);
}

json::object record_of(const AskedRequest& request, const policy::Explanation& explanation,
                       const policy::Policy& policy, const AskedSubject& subject,
                       const std::vector<std::string>& headers) {
  const policy::Decision& decision = explanation.decision;
  const bool allowed = decision.verdict == policy::Verdict::allow;
  json::object record;
  record["allowed"] = allowed;
  record["reason"] = policy::to_string(decision.reason);
  record["shadowed"] = decision.shadowed;
  record["status"] = allowed ? json::value() : json::value(answer_of(decision).status);
  record["method"] = request.method();
  record["host"] = request.host();
  record["path"] = request.path().text;
  record["token_state"] = subject.credential == policy::Credential::absent
                              ? json::value()
                              : json::value(store::to_string(subject.token_state));
  const policy::Rule* rule = explanation.match.rule;
  record["rule"] = rule ? json::value(rule->id) : json::value();
  record["place"] = rule ? json::value(place_of(policy, rule->place)) : json::value();
  json::object params;
  for (std::size_t i = 0; rule && i < rule->params.size(); ++i)
    params[rule->params[i]] = explanation.match.params[i];
  record["parameters"] = std::move(params);
  record["resource"] = explanation.resource.empty() ? json::value() : json::value(explanation.resource);
  json::array parts;
  for (const policy::PartReport& part : explanation.parts)
    parts.push_back(json::object{{"requirement", policy::to_string(*part.part)},
                                 {"place", place_of(policy, part.part->place)},
                                 {"depth", part.depth},
                                 {"answer", policy::to_string(part.answer)},
                                 {"through", part.through}});
  record["requirements"] = std::move(parts);
  json::array conditions;
  for (const auto& [condition, holds] : explanation.conditions)
    conditions.push_back(json::object{{"condition", policy::to_string(*condition)},
                                      {"place", place_of(policy, condition->place)},
                                      {"holds", holds}});
  record["conditions"] = std::move(conditions);
  json::array misses;
  for (const policy::NearMiss& miss : explanation.near_misses)
    misses.push_back(json::object{{"rule", miss.rule->id},
                                  {"place", place_of(policy, miss.rule->place)},
                                  {"why", policy::to_string(miss.why)},
                                  {"detail", miss.sentence}});
  record["near_misses"] = std::move(misses);
  json::array lines;
  for (const std::string& line : headers) lines.emplace_back(line);
  record["headers"] = std::move(lines);
  return record;
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

std::string rule_line(const policy::Policy& policy, const policy::Rule* rule) {
  if (rule == nullptr) return "none matches";
  std::string text = rule->id + ", " + place_of(policy, rule->place) + ": ";
  for (const std::string& method : rule->methods) text += method + ' ';
  return text + rule->host + rule->path;
}

std::string text_of(const AskedRequest& request, const policy::Explanation& explanation,
                    const policy::Policy& policy, const AskedSubject& subject,
                    const std::vector<std::string>& headers) {
  const policy::Rule* rule = explanation.match.rule;
  std::string text = request.method() + ' ' + std::string(request.path().text);
  if (!request.host().empty()) text += " on " + std::string(request.host());
  text += '\n' + verdict_line(explanation.decision, subject) + "\nrule " + rule_line(policy, rule) + '\n';
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
    text += "  " + rule_line(policy, miss.rule) + "\n    " + miss.sentence + '\n';
  if (!headers.empty()) text += "headers to the upstream\n";
  for (const std::string& line : headers) text += "  " + line + '\n';
  return text;
}

int refused_target(const AskedRequest& request, std::string_view target, const Output& output) {
  const Answer answer = answers::of(request.error());
  if (output.json()) {
    return output.record({{"allowed", false},
                          {"reason", answer.code},
                          {"status", answer.status},
                          {"method", request.method()},
                          {"target", target}});
  }
  return print(request.method() + ' ' + std::string(target) + "\ndenied, " + std::to_string(answer.status) +
               ": the target is refused before any rule, " + std::string(answer.code) + '\n');
}

int explain(Arguments& arguments) {
  std::string method, target, host;
  FactOptions facts;
  SubjectOptions who;
  PolicySource source;
  Output output;
  arguments.operand("METHOD", method, "GET, PUT, ...");
  arguments.operand("TARGET", target, "a path with or without a query, or http://host/path");
  arguments.text("--host", "NAME", host, "the host that is asked for");
  facts.declare(arguments);
  who.declare(arguments);
  source.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (const std::string flaw = who.flaw(); !flaw.empty()) return arguments.usage_error(flaw);
  AskedRequest request;
  if (const std::string flaw = request.read(method, target, host); !flaw.empty())
    return arguments.usage_error(flaw);
  if (!source.load()) return exit_failed;
  const auto subject = who.resolve(source.store(), source.why_no_store());
  if (!subject) return exit_failed;
  if (request.error() != policy::TargetError::none) return refused_target(request, target, output);

  const policy::Policy& policy = source.policy();
  const policy::Catalog names = source.names_for(policy);
  const policy::HeldSubject held(subject->holdings, names);
  for (const std::string& unknown : held.unknown()) complain("there is no " + unknown);
  const policy::ConditionInput input = facts.input(request.query());
  const policy::Explanation explanation =
      policy::explain(policy, {request.host(), request.path(), request.method(), &input}, request.asterisk(),
                      policy.bind(names), subject->credential, held.subject());
  std::vector<std::string> headers;
  if (explanation.decision.verdict == policy::Verdict::allow)
    headers = injected(held.subject(), source.config());
  if (explanation.match.rule && !headers.empty())
    for (const UpstreamHeader& own : explanation.match.rule->upstream_headers)
      headers.push_back(own.name + ": " + own.value);
  return output.json() ? output.record(record_of(request, explanation, policy, *subject, headers))
                       : print(text_of(request, explanation, policy, *subject, headers));
}

}  // namespace

const Command policy_explain{
    "policy explain",
    "Tells what becomes of a request: the rule, each thing it demands, and the rules it just missed.",
    "postern policy explain GET /orders/17 --role shop.reader\n"
    "postern policy explain PUT /orders/17 --token tok_4f9Zk2LmQ8xR1bTa --json",
    explain,
};

}  // namespace postern::cli
