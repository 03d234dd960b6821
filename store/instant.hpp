// Points in time as people write them: in flags, catalog files and answers.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/strong.hpp"

namespace postern::store {

/// "2026-12-31" (its beginning in UTC), "2026-12-31T12:00:00Z", "2026-12-31T14:00:00+02:00" (RFC 3339;
/// fractions of a second are refused, since validity counts in seconds). Years 1970 to 9999. Nothing when
/// malformed or no such date.
[[nodiscard]] std::optional<UnixSeconds> parse_instant(std::string_view text) noexcept;

/// "2026-12-31T12:00:00Z"; years beyond 9999 are written as that year's last second.
[[nodiscard]] std::string format_instant(UnixSeconds instant);

}  // namespace postern::store
