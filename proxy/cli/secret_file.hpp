// A file of secrets chosen elsewhere, to be imported.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "conf/diagnostic.hpp"
#include "conf/result.hpp"

namespace postern::cli {

/// One secret and its name. Views into the text it was read from.
struct SecretLine {
  std::size_t line = 0;  ///< from 1
  std::string_view secret;
  std::string_view name;
};

/// Longest file of secrets that is read: it lies in memory as a whole, since all of it is judged before any
/// of it is stored.
inline constexpr std::size_t secret_file_bytes_max = std::size_t{1} << 30;

/// Reads a file, or standard input when it is "-". Wipe the text after use.
[[nodiscard]] Result<std::string> read_secret_file(const std::string& file);

/// Splits `SECRET NAME` lines at their first blank; the name is the rest. Empty lines and those that begin
/// with `#` are skipped. Every flaw of a secret or its name is a diagnostic with its line, never with the
/// secret. `token_prefix`: of our own secrets, which must have the right checksum.
[[nodiscard]] std::vector<SecretLine> parse_secret_file(std::string_view text, const std::string& file,
                                                        std::string_view token_prefix,
                                                        Diagnostics& diagnostics);

}  // namespace postern::cli
