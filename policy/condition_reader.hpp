// Reads the conditions of a rule: `query`, `headers`, `client`.

#pragma once

#include <functional>
#include <vector>

#include "conf/yaml.hpp"
#include "policy/condition.hpp"

namespace postern::policy {

/// Told of each mistake, with the part of the file that it is about.
using TellMistake = std::function<void(const yaml::Node& node, std::string message, std::string suggestion)>;

/// The conditions of a rule; each mistake is told. A value is a text, a list of them, `{not: ...}`,
/// `{present: true}` or `{absent: true}`.
[[nodiscard]] std::vector<Condition> read_conditions(const yaml::Node& rule, const TellMistake& tell);

}  // namespace postern::policy
