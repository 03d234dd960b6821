// The access log's line. Its fields are documented in proxy/README.md and are stable.

#pragma once

#include <span>
#include <string_view>

#include "proxy/exchange.hpp"

namespace postern {

/// One JSON object and a line feed. Holds no secret and no query. `wall` is Unix time in milliseconds at the
/// end. Returns the size; 0 when it does not fit.
[[nodiscard]] std::size_t write_log_line(const Exchange& exchange, std::int64_t wall_milliseconds,
                                         Clock::time_point ended, std::span<char> out) noexcept;

}  // namespace postern
