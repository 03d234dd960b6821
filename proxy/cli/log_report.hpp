// What commands that read an access log say about the log itself: nothing of it is lost in silence.

#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "proxy/cli/logged_request.hpp"

namespace postern::cli {

/// "1 request", "7 requests"
[[nodiscard]] std::string requests(std::uint64_t count);
/// "7 lines read, 1 of them broken" and the first broken ones, each with its place.
[[nodiscard]] std::string log_text(const LogReader& log);
/// The same as keys `lines`, `broken` and `broken_lines`.
void add_log(boost::json::object& record, const LogReader& log);

}  // namespace postern::cli
