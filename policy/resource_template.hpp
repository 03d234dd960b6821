// The `resource` of a rule: which one thing a grant must be on, `project/{project}`.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/flaw.hpp"
#include "policy/policy.hpp"

namespace postern::policy {

/// Reads a resource template; `params` are those of the rule's path. Each mistake is appended to `flaws`.
/// At most one parameter may stand between two slashes: a value never holds a slash, so two different
/// requests never name the same resource by accident (`{a}-{b}` would make `x-y` + `z` and `x` + `y-z` one).
[[nodiscard]] std::vector<ResourcePart> parse_resource(std::string_view text,
                                                       const std::vector<std::string>& params,
                                                       std::vector<Flaw>& flaws);

/// Writes the resource that a request is about, its parameters decoded. The view points into `out`. Nothing
/// when it does not fit: no grant is that long (limits::resource_bytes_max).
[[nodiscard]] std::optional<std::string_view> render_resource(const std::vector<ResourcePart>& parts,
                                                              std::span<const std::string_view> params,
                                                              std::span<char> out) noexcept;

}  // namespace postern::policy
