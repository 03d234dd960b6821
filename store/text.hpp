// What a text must be like to be stored. Values are checked here, once, when they come in, so that no control
// character can reach a header, a log line or a terminal later.

#pragma once

#include <string>
#include <string_view>

#include "conf/result.hpp"

namespace postern::store {

/// What is wrong with a text for people (a name, a description), or empty: UTF-8, no control characters and
/// no line or paragraph separators, at most `bytes_max`.
[[nodiscard]] std::string_view text_flaw(std::string_view text, std::size_t bytes_max) noexcept;

/// The same as an error that names the field: "name: holds a control character".
[[nodiscard]] Status check_text(std::string_view field, std::string_view text, std::size_t bytes_max);

}  // namespace postern::store
