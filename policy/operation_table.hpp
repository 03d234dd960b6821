// Which operation of a document a request belongs to: as OpenAPI has it, a path without parameters goes
// before one with, which is the order of rules, too.

#pragma once

#include <unordered_map>
#include <vector>

#include "policy/matcher.hpp"
#include "policy/openapi.hpp"

namespace postern::policy {

class OperationTable {
 public:
  /// `operations` outlive the table.
  explicit OperationTable(const std::vector<Operation>& operations);
  OperationTable(const OperationTable&) = delete;
  OperationTable& operator=(const OperationTable&) = delete;

  /// Whether a request that `operation`'s template matches is its own, and not one of a more specific
  /// operation. One that nothing tells apart from another owns what that does.
  [[nodiscard]] bool owns(const Operation& operation, const CanonicalPath& path) const;
  /// Their templates, as of rules.
  [[nodiscard]] const std::vector<Rule>& templates() const noexcept { return rules_; }

 private:
  std::vector<Rule> rules_;  ///< one for each method and shape
  std::unordered_map<const Operation*, std::uint32_t> numbers_;
  Matcher matcher_;
};

}  // namespace postern::policy
