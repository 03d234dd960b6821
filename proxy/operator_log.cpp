#include "proxy/operator_log.hpp"

#include <atomic>
#include <string>
#include <unistd.h>

namespace postern {
namespace {

std::atomic<LogLevel> log_level{LogLevel::info};

std::string_view mark_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::error:
      return "error: ";
    case LogLevel::warning:
      return "warning: ";
    case LogLevel::debug:
      return "debug: ";
    default:
      return "";
  }
}

/// One write, so that lines of several threads and processes do not mix.
void write_line(std::string_view mark, std::string_view text) noexcept {
  std::string line = "postern: ";
  line += mark;
  line += text;
  line += '\n';
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void set_operator_log_level(LogLevel level) noexcept {
  log_level = level;
}

void operator_log(LogLevel level, std::string_view text) noexcept {
  if (level <= log_level.load()) write_line(mark_of(level), text);
}

void announce(std::string_view text) noexcept {
  write_line("", text);
}

}  // namespace postern
