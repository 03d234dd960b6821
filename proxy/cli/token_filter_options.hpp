// The options that say which tokens are meant.

#pragma once

#include "proxy/cli/arguments.hpp"
#include "store/token_query.hpp"

namespace postern::cli {

/// One option for each condition: --owner, --state, … `filter` outlives parse().
void declare_filter(Arguments& arguments, store::TokenFilter& filter);

/// The same conditions as --where KEY=VALUE, for commands whose own options would be in the way.
void declare_where(Arguments& arguments, store::TokenFilter& filter);

}  // namespace postern::cli
