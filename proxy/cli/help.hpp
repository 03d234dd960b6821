// Help texts: of one command, of a noun's commands, of all.

#pragma once

#include <string>
#include <string_view>

namespace postern::cli {

class Arguments;

/// Usage line, meaning, operands and options, examples.
[[nodiscard]] std::string help(const Arguments& arguments);

/// All commands whose name starts with `noun`, or all there are when it is empty.
[[nodiscard]] std::string help_overview(std::string_view noun);

}  // namespace postern::cli
