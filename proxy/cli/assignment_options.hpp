// The options that say what a user or a token may do.

#pragma once

#include <string>

#include "proxy/cli/arguments.hpp"
#include "store/store.hpp"

namespace postern::cli {

/// --group, --role, --permission, --license (each repeatable or a comma list) and --grant. `assignments`
/// outlives parse().
void declare_assignments(Arguments& arguments, store::Assignments& assignments);

/// The same as --set-*, --add-* and --remove-*.
void declare_assignment_change(Arguments& arguments, store::AssignmentChange& change);

[[nodiscard]] bool is_empty(const store::AssignmentChange& change) noexcept;

/// "project.read=project/42"; nothing when a side of `=` is missing.
[[nodiscard]] std::optional<store::ResourceGrant> grant_of(const std::string& text);
[[nodiscard]] std::string to_string(const store::ResourceGrant& grant);

}  // namespace postern::cli
