// Text files that commands read and write for people.

#pragma once

#include <string>
#include <string_view>

#include "conf/result.hpp"

namespace postern::cli {

/// The whole file; one larger than text_file_bytes_max is an error.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path);
inline constexpr std::size_t text_file_bytes_max = 64 * 1024 * 1024;

/// Puts a complete new file into the place of `path`, so that nobody ever sees half of one. Keeps the mode of
/// the one that was there; a symbolic link goes on pointing where it did.
[[nodiscard]] Status write_text_file(const std::string& path, std::string_view text);

}  // namespace postern::cli
