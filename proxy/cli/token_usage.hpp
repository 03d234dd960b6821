// When a token was used, as commands show it.

#pragma once

#include <boost/json/fwd.hpp>
#include <string_view>

#include "conf/result.hpp"
#include "store/store.hpp"

namespace postern::cli {

/// Adds first_used, last_used, last_client and uses to the record of a token. They come from running servers
/// and are some seconds old.
[[nodiscard]] Status add_usage(boost::json::object& record, const store::Store& store, std::string_view id);

}  // namespace postern::cli
