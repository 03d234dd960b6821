// What the operator should know: one line an event on standard error. Rare events only; requests have the
// access log.

#pragma once

#include <string_view>

#include "conf/config.hpp"

namespace postern {

/// Lines less important than this are left out. From any thread.
void set_operator_log_level(LogLevel level) noexcept;

/// "postern: warning: text". Several lines in `text` stay one write. From any thread; never on the request
/// path.
void operator_log(LogLevel level, std::string_view text) noexcept;

/// "postern: text", whatever the level: what scripts wait for, such as the addresses we listen on.
void announce(std::string_view text) noexcept;

}  // namespace postern
