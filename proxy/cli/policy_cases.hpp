// The file of `postern policy test`: who asks for what, and what is expected. Reading only.
//
//     version: 1
//     subjects:
//       reader: {roles: [events.reader]}
//       owner: {id: alice, grants: ["project.read=project/42"], certificate: "CN=a"}
//       ci: {token: tok_4f9Zk2LmQ8xR1bTa}          # of the store; likewise user
//     cases:
//       - {as: reader, request: GET /api/v1/events, expect: allow, rule: events-read}
//       - {as: [anonymous, unusable], request: GET /api/v1/events, expect: deny, status: 401}
//       - name: a tenant's own header reaches the API
//         as: {permissions: [events.read]}
//         request: {method: GET, target: /a?v=1, host: h, headers: {X-Env: prod}, client: 10.1.1.1}
//         expect: allow
//         upstream_headers: {X-Subject-Type: token, X-Subject-Roles: {absent: true}}

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conf/yaml.hpp"
#include "policy/policy.hpp"
#include "proxy/cli/asked_policy.hpp"

namespace postern::cli {

/// What a request comes to: `shadow` passes only because its rule is in shadow mode.
enum class Outcome : std::uint8_t { deny = 0, allow, shadow };
[[nodiscard]] std::string_view to_string(Outcome outcome) noexcept;

/// Who asks in a case.
struct CaseSubject {
  std::string name;  ///< as the file calls it
  AskedSubject asked;
};

/// The request of a case. Does not move: AskedRequest does not.
struct CaseRequest {
  AskedRequest asked;
  std::vector<std::pair<std::string, std::string>> headers;
  std::array<std::uint8_t, 16> client{};  ///< all zero: within no network
};

/// What is expected; what is not written is not looked at.
struct Expectation {
  struct Header {
    std::string name;
    std::optional<std::string> value;  ///< nothing: the upstream gets no field of this name
  };
  Outcome outcome = Outcome::deny;
  std::optional<int> status;
  std::optional<std::string> reason;
  std::optional<std::string> rule;  ///< empty: none matches
  std::vector<Header> upstream_headers;
};

/// One line of the table, for one subject.
struct PolicyCase {
  std::string name;  ///< as given, else "GET /a as reader"
  policy::Place place;
  std::shared_ptr<const CaseSubject> subject;
  std::shared_ptr<const CaseRequest> request;
  Expectation expected;
};

/// Reads a parsed file. Every mistake becomes a diagnostic with its place: what it holds of unknown names, of
/// rules, reasons and stored tokens that do not exist, too.
[[nodiscard]] std::vector<PolicyCase> read_policy_cases(const yaml::Document& document,
                                                        const AskedPolicy& policy, const PolicySource& source,
                                                        Diagnostics& diagnostics);

}  // namespace postern::cli
