// What `policy test` found, for a person, a program and a CI server.

#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "proxy/cli/policy_cases.hpp"

namespace postern::cli {

/// One thing that is not as expected: "status", "401", "403".
struct Mismatch {
  std::string what, expected, got;
};

struct CaseResult {
  const PolicyCase& tested;
  const policy::Rule* rule;          ///< that governs; null: none
  std::vector<Mismatch> mismatches;  ///< empty: passed
  std::string why;                   ///< of a failed case: the explanation
};

struct TestReport {
  const std::string& file;
  const policy::Policy& policy;
  std::vector<CaseResult> results;
  std::vector<const policy::Rule*> unreached;  ///< rules that govern no case
  bool coverage;                               ///< whether to tell them

  [[nodiscard]] std::size_t failures() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] boost::json::object record(bool ok) const;
  /// One suite with one test case a line of the table; `strict`: and one for the coverage.
  [[nodiscard]] std::string junit(bool strict) const;
};

}  // namespace postern::cli
