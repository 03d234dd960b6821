// The canonical form of what was asked for. Computed once; rules match on it and the same bytes are
// forwarded.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "conf/limits.hpp"

namespace postern::policy {

/// Why a target or host was refused. The names are stable: they stand in problem bodies and in the access
/// log.
enum class TargetError : std::uint8_t {
  none = 0,
  empty,            ///< no path
  too_long,         ///< does not fit `out`
  too_deep,         ///< more than limits::path_segments_max segments
  bad_byte,         ///< control, space, DEL, >= 0x80, or a delimiter that no path may hold
  bad_escape,       ///< `%` without two hex digits
  bad_utf8,         ///< escapes that decode to overlong or invalid UTF-8
  encoded_control,  ///< `%00`..`%1f`, `%7f`, and U+0080..U+009F in UTF-8
  encoded_slash,    ///< `%2f`, `%5c`, a backslash
  dot_segment,      ///< `.` or `..` in any spelling
  empty_segment,    ///< `//`
  parameter,        ///< `;` in any spelling
  double_escape,    ///< a decoded `%` before two hex digits: it would decode again
  segment_end,      ///< a segment ending in `.` or a space
  fragment,         ///< a literal `#`
};
[[nodiscard]] std::string_view to_string(TargetError error) noexcept;

/// What becomes of an escaped slash in a path.
enum class EncodedSlash : std::uint8_t {
  refuse = 0,
  keep,  ///< it is data within its segment, and goes on as `%2F`
};

/// A canonical path: escapes of unreserved characters decoded, other escapes with upper-case hex, case kept,
/// a trailing `/` kept (it is an empty last segment).
struct CanonicalPath {
  /// One segment: offsets into `text`, without slashes.
  struct Segment {
    std::uint16_t begin = 0;
    std::uint16_t size = 0;
  };
  std::string_view text;            ///< starts with '/'; points into the caller's buffer
  std::uint16_t segment_count = 0;  ///< "/" has one empty segment, "/a/" has "a" and ""
  bool has_encoded_slash = false;   ///< some segment holds a kept `%2F`
  std::array<Segment, limits::path_segments_max> segments;

  [[nodiscard]] std::string_view segment(std::size_t i) const noexcept {
    return text.substr(segments[i].begin, segments[i].size);
  }
};

/// Writes the canonical form of `raw` (the path of an origin-form target, without query) into `out`.
/// Decodes percent escapes once (RFC 3986 §2.1) and removes nothing: what two parsers could read differently
/// is refused (security.md, "Target and host"). `out` needs raw.size() bytes. `path.text` points into `out`.
/// Idempotent: the canonical form of a canonical form is itself.
/// With EncodedSlash::keep the pieces between escaped slashes are held to what segments are held to (none is
/// empty, a dot segment, or ends in '.' or a space), so that an upstream which takes them for slashes reads a
/// canonical path all the same. Which rules may be asked with such a path: Policy::keeps_slashes().
[[nodiscard]] TargetError canonical_path(std::string_view raw, std::span<char> out, CanonicalPath& path,
                                         EncodedSlash slash = EncodedSlash::refuse) noexcept;

/// Whether a query (without `?`) holds only bytes a request line may carry raw there: VCHAR without `"`, `<`,
/// `>`,
/// `#`; every `%` starts a complete escape is *not* demanded, since queries are opaque to us.
[[nodiscard]] bool query_is_clean(std::string_view query) noexcept;

/// Decodes one canonical segment into `out` (needs segment.size() bytes), for comparing template variables.
/// What is escaped in a canonical segment is decoded once, but for a kept `%2F`, which stays what it is: so
/// the result may hold any byte but control characters and '/', and no two segments give the same.
[[nodiscard]] std::string_view decode_segment(std::string_view segment, std::span<char> out) noexcept;

/// A Host field value or authority in canonical form: lower case, one trailing dot removed, port split off.
struct CanonicalHost {
  std::string_view name;  ///< points into `out`; an IPv6 literal keeps its brackets
  std::string_view port;  ///< digits, may be empty; points into the input
};
/// False when `raw` is not `uri-host [":" port]` (RFC 9110 §7.2): empty, a list, userinfo, a bad port or IPv6
/// literal. `out` needs limits::host_bytes_max bytes.
[[nodiscard]] bool canonical_host(std::string_view raw, std::span<char> out, CanonicalHost& host) noexcept;

}  // namespace postern::policy
