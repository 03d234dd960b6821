// Any bytes as a policy file: mistakes or a policy, and then a few requests. No rule may govern what it does
// not match.

#include <cstdint>
#include <string>

#include "conf/result.hpp"
#include "conf/yaml.hpp"
#include "policy/decide.hpp"

using namespace postern::policy;

namespace {

void ask(const Policy& policy, const Binding& binding, std::string_view host, std::string_view raw,
         std::string_view method) {
  std::string buffer(raw.size(), '\0');
  CanonicalPath path;
  POSTERN_CHECK(canonical_path(raw, buffer, path) == TargetError::none);
  const Match match = policy.match(host, path, method);
  const Decision decision = decide(match, binding, Credential::absent, Subject{});
  POSTERN_CHECK(decision.rule == match.rule);
  // Without a credential only `allow: anonymous` opens, whatever the file says.
  const bool open = match.rule != nullptr && match.rule->requirement.kind == RequirementKind::anonymous;
  POSTERN_CHECK((decision.verdict == Verdict::allow) == open);
  (void)decide(match, binding, Credential::valid, Subject{});
  if (match.rule == nullptr) return;
  for (std::size_t i = 0; i < match.rule->params.size(); ++i) POSTERN_CHECK(!match.params[i].empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  postern::Diagnostics diagnostics;
  const postern::yaml::Document document = postern::yaml::parse(
      "policy.yaml", std::string(reinterpret_cast<const char*>(data), size), diagnostics);
  const Catalog catalog;
  const auto policy = Policy::compile(document, size % 2 == 0 ? nullptr : &catalog, diagnostics);
  POSTERN_CHECK((policy == nullptr) == !diagnostics.empty());
  if (policy == nullptr) {
    (void)postern::yaml::render(diagnostics, {&document});
    return 0;
  }
  const Binding binding = policy->bind(catalog);
  for (const std::string_view host : {"", "api.example.com", "x.example.com"}) {
    for (const std::string_view path : {"/", "/a", "/a/", "/a/b/c", "/%40/%C3%A9", "/api/v1/orders/17"}) {
      for (const std::string_view method : {"GET", "HEAD", "PURGE"})
        ask(*policy, binding, host, path, method);
    }
    (void)policy->match_asterisk(host, "OPTIONS");
  }
  // Each rule's own path, parameters filled in, is governed by some rule.
  for (const Rule& rule : policy->rules()) {
    if (rule.path == "*") continue;
    std::string raw;
    for (const TemplateSegment& segment : rule.segments) {
      raw += '/';
      raw += segment.kind == TemplateSegment::Kind::literal ? segment.text : "x";
    }
    std::string host = rule.host;
    if (host.starts_with('*')) host.replace(0, 1, "x");
    std::string buffer(raw.size(), '\0');
    CanonicalPath path;
    if (canonical_path(raw, buffer, path) != TargetError::none) continue;  // `**` as a 65th segment
    const Match match = policy->match(host, path, rule.methods.empty() ? "GET" : rule.methods.front());
    POSTERN_CHECK(match.rule != nullptr);
    ask(*policy, binding, host, raw, "GET");
  }
  return 0;
}
