// Which POSTERN_* variables are options, which are somebody else's, which are mistakes.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/option.hpp"

namespace postern {

inline constexpr std::string_view environment_prefix = "POSTERN_";
/// The path of the configuration file.
inline constexpr std::string_view config_file_variable = "POSTERN_CONFIG";

using Variables = std::vector<std::pair<std::string, std::string>>;

/// The variables of `sources`, or the process's, that begin with POSTERN_; in order of name.
[[nodiscard]] Variables postern_variables(const ConfigSources& sources);

/// Whether Kubernetes (or Docker's links) made the variable for a service called "postern" or "postern-…".
[[nodiscard]] bool is_service_variable(std::string_view name) noexcept;

/// The option that a variable sets, supported or not, or null pointer. A variable below an unsupported option
/// (POSTERN_TLS_KEY) belongs to it.
[[nodiscard]] const Option* option_of_variable(std::string_view name);

/// The supported variable that was probably meant, as a Diagnostic's suggestion.
[[nodiscard]] std::string suggest_variable(std::string_view name);

}  // namespace postern
