#include "proxy/cli/progress.hpp"

#include <string>
#include <unistd.h>

namespace postern::cli {
namespace {

constexpr std::size_t bar_width = 30;
constexpr std::chrono::milliseconds redraw_interval{100};

void write_error(std::string_view text) noexcept {
  // A terminal that has gone away needs no bar.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

Progress::Progress(std::string_view what, std::size_t total) noexcept
    : what_(what), total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (drawn_) write_error("\r\033[K");
}

void Progress::show(std::size_t done) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || total_ == 0 || now < next_) return;
  next_ = now + redraw_interval;
  drawn_ = true;
  const std::size_t filled = done * bar_width / total_;
  write_error("\r\033[K" + std::string(what_) + " [" + std::string(filled, '#') +
              std::string(bar_width - filled, ' ') + "] " + std::to_string(done) + " of " +
              std::to_string(total_));
}

}  // namespace postern::cli
