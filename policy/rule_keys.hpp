// The words of the policy language.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/yaml.hpp"

namespace postern::policy {

/// What a key may be in a mapping of the policy file.
enum class KeyUse : unsigned char {
  unknown = 0,
  file,         ///< `version`, `rules`
  option,       ///< `mode`, `client`, …: in a rule and in `defaults`
  rule,         ///< `path`, `methods`, …: once, at the top of a rule
  requirement,  ///< `permission`, `any_of`, …: in a rule and in a term
};
[[nodiscard]] KeyUse use_of(std::string_view key) noexcept;

/// A JSON Schema (2020-12) of the policy file for editors, from the table that the reader goes by.
[[nodiscard]] std::string policy_schema();

/// All keys of these uses, for "did you mean".
[[nodiscard]] std::vector<std::string_view> keys_of(std::initializer_list<KeyUse> uses);

/// Reports a key that is not among `allowed`, as unknown (with a suggestion) or out of place. True when it is
/// allowed.
bool check_key(const yaml::Document& document, const yaml::Entry& entry,
               std::initializer_list<KeyUse> allowed, Diagnostics& diagnostics);

}  // namespace postern::policy
