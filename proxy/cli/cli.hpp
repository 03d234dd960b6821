// The command line: one file per command, all through the same store and the same words.

#pragma once

namespace postern::cli {

/// Exit codes: 0 done, 1 refused or failed, 2 usage, 3 done and there is something to look at (only where a
/// command says so).
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_found = 3;

/// Runs the command that the arguments name and returns the exit code. Never throws.
int main(int argc, char** argv) noexcept;

}  // namespace postern::cli
