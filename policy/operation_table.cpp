#include "policy/operation_table.hpp"

#include <string>

#include "policy/overlap.hpp"

namespace postern::policy {

OperationTable::OperationTable(const std::vector<Operation>& operations) {
  std::unordered_map<std::string, std::uint32_t> known;
  for (const Operation& operation : operations) {
    if (!operation.unreachable.empty()) continue;
    Rule rule;
    rule.path = "/";
    rule.segments = operation.segments;
    rule.params.resize(operation.params);
    rule.methods = {operation.method};
    const auto number = static_cast<std::uint32_t>(rules_.size());
    const auto [place, fresh] = known.try_emplace(operation.method + ' ' + shape_of(rule), number);
    numbers_.emplace(&operation, place->second);
    if (fresh) rules_.push_back(std::move(rule));
  }
  matcher_ = Matcher(rules_);
}

bool OperationTable::owns(const Operation& operation, const CanonicalPath& path) const {
  std::array<std::string_view, limits::path_params_max> params;
  const std::uint32_t found = matcher_.find({}, path, operation.method, params);
  const auto number = numbers_.find(&operation);
  return number != numbers_.end() && (found == number->second || found == Matcher::no_match);
}

}  // namespace postern::policy
