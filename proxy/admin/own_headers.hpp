// The credential of our own at an upstream, read from where the operator keeps it.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/config.hpp"
#include "proxy/injected_headers.hpp"

namespace postern::admin {

/// Everything that requests to `upstream` carry. Nothing when its file is broken, and then `problem` says
/// where; no line of that file is ever shown. Warns in the operator's log when strangers can read the file.
[[nodiscard]] std::optional<InjectedHeaders> load_own_headers(const Upstream& upstream,
                                                              std::string_view subject_prefix,
                                                              std::string& problem);

}  // namespace postern::admin
