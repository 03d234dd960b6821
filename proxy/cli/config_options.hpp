// The configuration's own options as flags, from the same table as everything else about them.

#pragma once

#include "conf/option.hpp"
#include "proxy/cli/arguments.hpp"

namespace postern::cli {

/// Declares --config and a flag for every option that has one. `sources` outlives parse() and collects what
/// was given.
void declare_config(Arguments& arguments, ConfigSources& sources);

}  // namespace postern::cli
