#include <algorithm>
#include <boost/json.hpp>

#include "policy/prove.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/policy_source.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
using policy::Finding;
using policy::Severity;

/// What the findings are about, for their places.
struct Files {
  std::string policy, document;

  [[nodiscard]] const std::string& of(const Finding& finding) const {
    return finding.operation != nullptr ? document : policy;
  }
};

json::array coverage_of(const policy::Proof& proof) {
  json::array operations;
  for (const policy::Coverage& one : proof.coverage) {
    json::array rules;
    for (const policy::Coverage::Part& part : one.parts)
      rules.push_back(json::object{{"rule", part.rule ? json::value(part.rule->id) : json::value()},
                                   {"example", part.example}});
    operations.push_back(json::object{{"method", one.operation->method},
                                      {"path", one.operation->path},
                                      {"line", one.operation->place.line},
                                      {"rules", std::move(rules)}});
  }
  return operations;
}

json::array findings_of(const policy::Proof& proof, const Files& files) {
  json::array findings;
  for (const Finding& finding : proof.findings)
    findings.push_back(json::object{{"kind", policy::to_string(finding.kind)},
                                    {"severity", policy::to_string(finding.severity)},
                                    {"message", finding.sentence},
                                    {"file", files.of(finding)},
                                    {"line", finding.place.line},
                                    {"column", finding.place.column}});
  return findings;
}

/// SARIF 2.1.0, as code hosts show it beside the lines.
json::object sarif_of(const policy::Proof& proof, const Files& files) {
  json::array results;
  for (const Finding& finding : proof.findings) {
    const json::object region{{"startLine", std::max(finding.place.line, 1U)},
                              {"startColumn", std::max(finding.place.column, 1U)}};
    const json::object location{{"artifactLocation", json::object{{"uri", files.of(finding)}}},
                                {"region", region}};
    results.push_back(json::object{{"ruleId", policy::to_string(finding.kind)},
                                   {"level", policy::to_string(finding.severity)},
                                   {"message", json::object{{"text", finding.sentence}}},
                                   {"locations", json::array{json::object{{"physicalLocation", location}}}}});
  }
  const json::object driver{{"name", "postern policy prove"}};
  json::object run{{"tool", json::object{{"driver", driver}}}, {"results", std::move(results)}};
  return {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
          {"version", "2.1.0"},
          {"runs", json::array{std::move(run)}}};
}

std::string text_of(const policy::Proof& proof, const Files& files, bool all) {
  std::string text;
  for (const policy::Coverage& one : proof.coverage) {
    if (!all) break;
    text += one.operation->method + ' ' + one.operation->path + ": ";
    for (std::size_t i = 0; i < one.parts.size(); ++i)
      text += (i == 0 ? "" : ", ") + (one.parts[i].rule ? one.parts[i].rule->id : std::string("no rule"));
    text += '\n';
  }
  std::size_t errors = 0;
  for (const Finding& finding : proof.findings) {
    errors += finding.severity == Severity::error ? 1 : 0;
    text += files.of(finding) + ':' + std::to_string(finding.place.line) + ": " +
            std::string(policy::to_string(finding.severity)) + ": " + finding.sentence + '\n';
  }
  return text + std::to_string(proof.coverage.size()) + " operations, " +
         std::to_string(proof.findings.size()) + " findings, " + std::to_string(errors) + " of them errors\n";
}

int prove(Arguments& arguments) {
  std::string file, base;
  std::vector<std::string> hosts;
  bool strict = false, sarif = false, all = false;
  PolicySource source;
  Output output;
  arguments.text("--openapi", "FILE", file, "the API's document, YAML or JSON");
  arguments.text("--base", "PATH", base, "instead of the path of its servers; / for none");
  arguments.list("--host", "NAME", hosts, "only requests for these hosts; else for any");
  arguments.flag("--all", all, "tell the rules of every operation, too");
  arguments.flag("--strict", strict, "warnings fail as errors do");
  source.declare(arguments);
  output.declare(arguments);
  arguments.flag("--sarif", sarif, "print SARIF 2.1.0 instead of text");
  if (!arguments.parse()) return arguments.exit_code();
  if (file.empty()) return arguments.usage_error("--openapi FILE is needed");
  if (!source.load()) return exit_failed;

  Diagnostics diagnostics;
  const yaml::Document document = yaml::load(file, diagnostics);
  std::vector<policy::Operation> operations;
  if (diagnostics.empty()) operations = policy::read_operations(document, base, diagnostics);
  if (!diagnostics.empty()) {
    complain_about(diagnostics, {&document});
    return exit_failed;
  }
  const policy::Catalog names = source.names_for(source.policy());
  const policy::Proof proof =
      policy::prove(source.policy(), operations, source.has_names() ? &names : nullptr, hosts);
  const Files files{source.policy().file(), file};
  const bool failed = std::any_of(proof.findings.begin(), proof.findings.end(), [&](const Finding& finding) {
    return finding.severity == Severity::error || (strict && finding.severity == Severity::warning);
  });
  int printed = exit_done;
  if (sarif)
    printed = print(json::serialize(sarif_of(proof, files)) + '\n');
  else if (output.json())
    printed = output.record(
        {{"ok", !failed}, {"operations", coverage_of(proof)}, {"findings", findings_of(proof, files)}});
  else
    printed = print(text_of(proof, files, all));
  return failed ? exit_failed : printed;
}

}  // namespace

const Command policy_prove{
    "policy prove",
    "Decides for every operation of an OpenAPI document which rule governs it, and tells what is wrong.",
    "postern policy prove --openapi openapi.yaml\n"
    "postern policy prove --openapi openapi.yaml --sarif",
    prove,
};

}  // namespace postern::cli
