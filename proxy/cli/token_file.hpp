// A file of tokens to make: JSON lines, one object a token, with the keys that `token list --json` prints.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/diagnostic.hpp"
#include "store/store.hpp"

namespace postern::cli {

/// Reads every line. `pattern`: what holds where a line says nothing. Keys that only the store can know (id,
/// state, created, rotated, imported) are passed over. What is wrong becomes a diagnostic with its line.
[[nodiscard]] std::vector<store::TokenSpec> parse_token_file(std::string_view text, const std::string& file,
                                                             const store::TokenSpec& pattern,
                                                             Diagnostics& diagnostics);

}  // namespace postern::cli
