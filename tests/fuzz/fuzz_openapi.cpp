// Any bytes as an API's document: mistakes, or operations and a proposal that is a sound policy and leaves
// none of them without a rule.

#include <cstdint>
#include <string>

#include "conf/result.hpp"
#include "policy/proposal.hpp"
#include "policy/prove.hpp"

using namespace postern;
using namespace postern::policy;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Diagnostics diagnostics;
  const yaml::Document document =
      parse_openapi("api", std::string(reinterpret_cast<const char*>(data), size), diagnostics);
  if (!diagnostics.empty()) {
    (void)yaml::render(diagnostics, {&document});
    return 0;
  }
  const std::vector<Operation> operations = read_operations(document, "", diagnostics);
  const Proposal proposal = propose(document, operations, size % 2 == 0, diagnostics);
  if (!diagnostics.empty() || proposal.rules.empty()) return 0;
  const std::string text = "version: 1\nrules:\n" + rules_text(proposal.rules, 2);
  const yaml::Document written = yaml::parse("policy.yaml", text, diagnostics);
  const auto policy = Policy::compile(written, nullptr, diagnostics);
  // Very many parameters beside literals cost a request too much; such rules are refused, and only such.
  if (policy == nullptr && diagnostics.items().front().message.find("alternate") != std::string::npos)
    return 0;
  POSTERN_CHECK(policy != nullptr);
  const Proof proof = prove(*policy, operations, nullptr, {});
  for (const Finding& finding : proof.findings)
    POSTERN_CHECK(finding.kind != Finding::Kind::uncovered_operation &&
                  finding.kind != Finding::Kind::open_operation);
  (void)yaml::parse("catalog.yaml",
                    "permissions:\n" + permissions_text(proposal.permissions, 0) + "roles:\n" +
                        roles_text(proposal.roles, 0),
                    diagnostics);
  POSTERN_CHECK(diagnostics.empty());
  return 0;
}
