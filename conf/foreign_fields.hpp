// Names of fields that belong to HTTP or to upstreams: no option of ours may take them.

#pragma once

#include <string_view>

namespace postern {

/// The first of them that starts with `prefix` (lower case), or empty.
[[nodiscard]] std::string_view foreign_field_under(std::string_view prefix) noexcept;
/// Whether `name` (lower case) is one of them.
[[nodiscard]] bool is_foreign_field(std::string_view name) noexcept;
/// The family (`x-forwarded-`) that `name` (lower case) lies in, or empty. The forwarding rules own them:
/// what is inside one would be deleted or believed by their rules, not ours.
[[nodiscard]] std::string_view foreign_family_of(std::string_view name) noexcept;

}  // namespace postern
