// How far a long command is, for somebody who watches.

#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace postern::cli {

/// A bar on standard error, if that is a terminal; nothing otherwise. Gone at its end.
class Progress {
 public:
  Progress(std::string_view what, std::size_t total) noexcept;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// So many of the total are done. Draws at most ten times a second.
  void show(std::size_t done);

 private:
  std::string_view what_;
  std::size_t total_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_ = {};
};

}  // namespace postern::cli
