// The headers that tell the upstream who is asking.

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "policy/subject.hpp"
#include "proxy/bounded_text.hpp"

namespace postern {

/// Writes complete header lines for `subject` into `out` and returns their size: Id, Name (percent-encoded
/// UTF-8), Type, Token-Id, Groups, Roles, Licenses (sorted, comma-separated) and, when asked for,
/// Permissions; and Certificate (percent-encoded) when the client showed a verified one, each under `prefix`.
/// An anonymous subject has Type and Certificate only. What does not fit, or holds a byte no header may
/// carry, is left out, and `<prefix>Truncated: 1` says so. Must be called within the snapshot that made the
/// subject.
[[nodiscard]] std::size_t write_subject_block(const policy::Subject& subject, std::string_view prefix,
                                              bool with_permissions, std::span<char> out) noexcept;

/// Writes an empty line for each subject header that `block`, complete lines, does not have.
void put_absent_subject_headers(std::string_view block, std::string_view prefix, TextWriter& out) noexcept;
/// The same for headers of these names.
void put_absent_headers(std::string_view block, std::span<const std::string> names, TextWriter& out) noexcept;

}  // namespace postern
