// Points in time as flags take them.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/strong.hpp"
#include "proxy/cli/arguments.hpp"

namespace postern::cli {

[[nodiscard]] UnixSeconds now() noexcept;

/// What the help texts say about the values these take.
inline constexpr std::string_view instant_forms =
    "2026-12-31 (0:00 UTC), 2026-12-31T12:00:00Z, 90d from now, or never";

/// A date, an instant, a duration from now, or "never" (0). Nothing when it is none of these.
[[nodiscard]] std::optional<UnixSeconds> instant_of(std::string_view text, UnixSeconds from) noexcept;

[[nodiscard]] Arguments::Take take_instant(UnixSeconds& value);
[[nodiscard]] Arguments::Take take_instant(std::optional<UnixSeconds>& value);

}  // namespace postern::cli
