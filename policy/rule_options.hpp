// The options of a rule that change how a request is served, not whether: `body_limit`, `timeouts`,
// `encoded_slash`, `upstream_headers`, `deprecated`, `sunset`. And `defaults`, which give options to every
// rule of a file.

#pragma once

#include "policy/condition_reader.hpp"
#include "policy/policy.hpp"

namespace postern::policy {

/// Reads them into `rule`; each mistake is told.
void read_options(const yaml::Node& node, Rule& rule, const TellMistake& tell);

/// The rule with what `defaults` say beside what it says itself, places kept. A shadow mode is not given to a
/// rule that is always open or always closed.
[[nodiscard]] yaml::Node with_defaults(const yaml::Node& rule, const yaml::Node& defaults);

}  // namespace postern::policy
