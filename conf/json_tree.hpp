// JSON as the tree that yaml.hpp describes, for documents too large or too deep for a YAML reader: API
// descriptions of many megabytes in one line.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "conf/yaml.hpp"

namespace postern::yaml {

inline constexpr std::size_t json_bytes_max = 64 * 1024 * 1024;  ///< read whole, by commands only
inline constexpr std::size_t json_depth_max = 256;               ///< nested collections: bounds the stack

/// Whether the value under `key` is of no interest: it is checked and not kept. `depth` is that of the key's
/// object, 0 for the outermost, and `within` the key it stands under itself, lists between them or not.
using Skip = bool (*)(std::size_t depth, std::string_view within, std::string_view key) noexcept;

/// Parses one JSON text (RFC 8259): as parse() does, and equally strict. Repeated keys of what is kept, lone
/// surrogates, bytes that are not UTF-8, raw control characters, nesting beyond json_depth_max, more
/// kept values than limits::yaml_nodes_max and text beyond json_bytes_max are mistakes with a place; the
/// first of them ends the reading, and the root is null then. Numbers, true and false are scalars as written.
[[nodiscard]] Document parse_json(std::string file, std::string text, Skip skip, Diagnostics& diagnostics);

}  // namespace postern::yaml
