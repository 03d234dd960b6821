#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <set>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/asked_policy.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/policy_cases.hpp"
#include "proxy/cli/policy_test_report.hpp"

namespace postern::cli {
namespace {

Outcome outcome_of(const policy::Decision& decision) noexcept {
  if (decision.shadowed) return Outcome::shadow;
  return decision.verdict == policy::Verdict::allow ? Outcome::allow : Outcome::deny;
}

bool is_same_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

/// The value of a header line of this name; nothing when there is none.
std::optional<std::string> value_of(const std::vector<std::string>& lines, std::string_view name) {
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(':');
    if (is_same_name(std::string_view(line).substr(0, colon), name)) return line.substr(colon + 2);
  }
  return std::nullopt;
}

class Comparison {
 public:
  explicit Comparison(std::vector<Mismatch>& mismatches) : mismatches_(mismatches) {}

  void compare(std::string what, const std::string& expected, const std::string& got) {
    if (expected != got) mismatches_.push_back({std::move(what), expected, got});
  }

 private:
  std::vector<Mismatch>& mismatches_;
};

std::string shown(const std::optional<std::string>& header) {
  return header ? '"' + *header + '"' : "no such header";
}

CaseResult judge(const PolicyCase& one, const AskedPolicy& policy, bool enforce) {
  std::vector<policy::HeaderField> fields;
  for (const auto& [name, value] : one.request->headers) fields.push_back({name, value});
  const policy::ConditionInput input{one.request->asked.query(), fields, one.request->client, false};
  const AskedAnswer answer = policy.answer(one.request->asked, input, one.subject->asked);
  const policy::Rule* rule = answer.explanation.match.rule;

  CaseResult result{one, rule, {}, {}};
  Comparison comparison(result.mismatches);
  Outcome outcome = outcome_of(answer.explanation.decision);
  if (outcome == Outcome::shadow && enforce) outcome = Outcome::deny;
  const Expectation& expected = one.expected;
  comparison.compare("outcome", std::string(to_string(expected.outcome)), std::string(to_string(outcome)));
  if (expected.status)
    comparison.compare("status", std::to_string(*expected.status),
                       outcome == Outcome::allow ? "the upstream's" : std::to_string(answer.denial().status));
  if (expected.reason) comparison.compare("reason", *expected.reason, std::string(answer.reason()));
  if (expected.rule)
    comparison.compare("rule", expected.rule->empty() ? "none" : *expected.rule, rule ? rule->id : "none");
  for (const Expectation::Header& header : expected.upstream_headers)
    comparison.compare(header.name, shown(header.value), shown(value_of(answer.headers, header.name)));
  if (!result.mismatches.empty()) result.why = answer.text();
  return result;
}

int test(Arguments& arguments) {
  std::string file, junit;
  bool coverage = false, strict = false, enforce = false;
  PolicySource source;
  Output output;
  arguments.operand("FILE", file, "the table of cases, YAML");
  arguments.flag("--coverage", coverage, "list the rules that govern no case");
  arguments.flag("--strict", strict, "such rules fail, as cases do");
  arguments.flag("--enforce", enforce, "judge rules in shadow mode as if they were enforced");
  arguments.text("--junit", "FILE", junit, "write a JUnit report to this file, too");
  source.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (!source.load()) return exit_failed;

  const AskedPolicy policy(source);
  Diagnostics diagnostics;
  const yaml::Document document = yaml::load(file, diagnostics);
  std::vector<PolicyCase> cases;
  if (diagnostics.empty()) cases = read_policy_cases(document, policy, source, diagnostics);
  if (!diagnostics.empty()) {
    complain_about(diagnostics, {&document});
    return exit_failed;
  }
  TestReport report{file, policy.policy(), {}, {}, coverage || strict};
  std::set<const policy::Rule*> reached;
  for (const PolicyCase& one : cases) {
    report.results.push_back(judge(one, policy, enforce));
    reached.insert(report.results.back().rule);
  }
  for (const policy::Rule& rule : policy.policy().rules())
    if (!reached.contains(&rule)) report.unreached.push_back(&rule);

  if (!junit.empty()) {
    std::ofstream out(junit);
    if (!(out << report.junit(strict)).flush()) {
      complain("cannot write " + quoted(junit));
      return exit_failed;
    }
  }
  const bool failed = report.failures() > 0 || (strict && !report.unreached.empty());
  const int printed = output.json() ? output.record(report.record(!failed)) : print(report.text());
  return failed ? exit_failed : printed;
}

}  // namespace

const Command policy_test{
    "policy test",
    "Puts a table of requests to a policy and tells where the answers are not the expected ones.",
    "postern policy test policy-tests.yaml --coverage\n"
    "postern policy test policy-tests.yaml --strict --junit report.xml",
    test,
};

}  // namespace postern::cli
