#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "conf/limits.hpp"
#include "policy/prove.hpp"
#include "policy/target.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/openapi_source.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/policy_source.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
using policy::Finding;
using policy::Severity;

/// What the findings are about, for their places.
struct Files {
  std::vector<std::string> policy;
  std::string document;

  [[nodiscard]] const std::string& of(const Finding& finding) const {
    return finding.operation != nullptr ? document : policy[finding.place.file];
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

std::string text_of(const policy::Proof& proof, const Files& files, bool all, std::size_t accepted) {
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
         std::to_string(proof.findings.size()) + " findings, " + std::to_string(errors) + " of them errors" +
         (accepted == 0 ? "" : ", " + std::to_string(accepted) + " accepted") + '\n';
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Whether a comment `# accepted: KIND` stands in a rule's first line or in the comment lines above it.
bool is_accepted(const std::vector<std::string_view>& lines, const Finding& finding) {
  const auto says = [&](std::size_t line) {
    const std::string_view text = line >= 1 && line <= lines.size() ? lines[line - 1] : std::string_view();
    const std::size_t hash = text.find('#');
    const std::size_t word = text.find("accepted: ", hash);
    if (hash == std::string_view::npos || word == std::string_view::npos) return false;
    const std::string_view kinds = text.substr(word + 10);
    return kinds.find(policy::to_string(finding.kind)) != std::string_view::npos;
  };
  std::size_t line = finding.rule->place.line;
  if (says(line)) return true;
  while (--line >= 1 && line <= lines.size()) {
    const std::size_t first = lines[line - 1].find_first_not_of(' ');
    if (first == std::string_view::npos || lines[line - 1][first] != '#') return false;
    if (says(line)) return true;
  }
  return false;
}

/// Drops what somebody has looked at and found right. Returns how many.
std::size_t drop_accepted(policy::Proof& proof, const policy::PolicyFiles& files) {
  std::vector<std::vector<std::string_view>> lines;
  for (const policy::PolicyFile& file : files) lines.push_back(lines_of(file.document.text));
  return std::erase_if(proof.findings, [&](const Finding& finding) {
    return finding.rule != nullptr && is_accepted(lines[finding.rule->place.file], finding);
  });
}

/// As requests for it are matched. What is wrong with it, or empty.
std::string canonicalise(std::string& host) {
  std::array<char, limits::host_bytes_max + 8> text;
  policy::CanonicalHost canonical;
  if (!policy::canonical_host(host, text, canonical)) return quoted(host) + " is no host";
  if (!canonical.port.empty()) return quoted(host) + ": rules hold for every port, leave it out";
  host = canonical.name;
  return {};
}

int prove(Arguments& arguments) {
  std::vector<std::string> hosts;
  bool strict = false, sarif = false, all = false;
  OpenapiSource api;
  PolicySource source;
  Output output;
  api.declare(arguments);
  arguments.list("--host", "NAME", hosts, "only requests for these hosts; else for any");
  arguments.flag("--all", all, "tell the rules of every operation, too");
  arguments.flag("--strict", strict, "warnings fail as errors do");
  source.declare(arguments);
  output.declare(arguments);
  arguments.flag("--sarif", sarif, "print SARIF 2.1.0 instead of text");
  if (!arguments.parse()) return arguments.exit_code();
  if (!api.given()) return arguments.usage_error("--openapi FILE|URL is needed");
  for (std::string& host : hosts)
    if (const std::string flaw = canonicalise(host); !flaw.empty())
      return arguments.usage_error("--host " + flaw);
  if (!source.load() || !api.load()) return exit_failed;

  const policy::Catalog names = source.names_for(source.policy());
  policy::Proof proof =
      policy::prove(source.policy(), api.operations(), source.has_names() ? &names : nullptr, hosts);
  const std::size_t accepted = drop_accepted(proof, source.files());
  const Files files{source.policy().files(), api.place()};
  const bool failed = std::any_of(proof.findings.begin(), proof.findings.end(), [&](const Finding& finding) {
    return finding.severity == Severity::error || (strict && finding.severity == Severity::warning);
  });
  int printed = exit_done;
  if (sarif)
    printed = print(json::serialize(sarif_of(proof, files)) + '\n');
  else if (output.json())
    printed = output.record({{"ok", !failed},
                             {"operations", coverage_of(proof)},
                             {"findings", findings_of(proof, files)},
                             {"accepted", accepted}});
  else
    printed = print(text_of(proof, files, all, accepted));
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
