// Our own credential at an upstream: headers that are set on every request to it.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/config.hpp"
#include "conf/diagnostic.hpp"

namespace postern {

/// Why a header of this name cannot be set by the operator, or empty. `subject_prefix` is the configured one
/// ("X-Subject-"), or empty when it is not known yet.
[[nodiscard]] std::string upstream_header_flaw(std::string_view name, std::string_view subject_prefix);

/// Why these headers cannot be set together, or empty: a name's flaw, one set twice, too many, too long.
[[nodiscard]] std::string upstream_headers_flaw(const std::vector<UpstreamHeader>& headers,
                                                std::string_view subject_prefix);

/// Reads a file of `Name: value` lines (YAML). Mistakes name the place but never show the line: render them
/// without the file's text.
[[nodiscard]] std::vector<UpstreamHeader> load_upstream_headers(const std::string& file,
                                                                Diagnostics& diagnostics);

}  // namespace postern
