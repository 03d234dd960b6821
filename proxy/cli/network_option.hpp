// Networks as flags take them.

#pragma once

#include <optional>
#include <vector>

#include "conf/config.hpp"
#include "proxy/cli/arguments.hpp"

namespace postern::cli {

/// For a repeatable option. An optional list becomes empty by an empty value.
[[nodiscard]] Arguments::Take take_network(std::vector<Network>& networks);
[[nodiscard]] Arguments::Take take_network(std::optional<std::vector<Network>>& networks);

}  // namespace postern::cli
