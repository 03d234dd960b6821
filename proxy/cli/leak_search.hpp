// Looking for our secrets in files, folders and the history of git repositories.

#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/result.hpp"

namespace postern::cli {

/// A secret and where it stands. The secret is a view that is good during the call.
struct Leak {
  std::string place;  ///< "src/main.c:12", or "git object 9fceb02…:3"
  std::string_view secret;
};

class LeakSearch {
 public:
  /// `prefixes` are those that secrets may begin with.
  LeakSearch(std::vector<std::string> prefixes, std::function<void(const Leak&)> found)
      : prefixes_(std::move(prefixes)), found_(std::move(found)) {}

  /// A file, or all files below a folder: `.git` is left out, links are not followed. What cannot be read is
  /// said on standard error. Errors: not_found.
  [[nodiscard]] Status look_in(const std::string& path);
  /// Every object of the git repository at a path, those that no branch reaches included. Runs git. Errors:
  /// unavailable.
  [[nodiscard]] Status look_in_history(const std::string& path);

  [[nodiscard]] std::size_t files() const noexcept { return files_; }
  [[nodiscard]] std::size_t unreadable() const noexcept { return unreadable_; }

 private:
  class Text;
  void look_in_file(const std::string& path);
  void look_in_folder(const std::string& path);

  std::vector<std::string> prefixes_;
  std::function<void(const Leak&)> found_;
  std::size_t files_ = 0;
  std::size_t unreadable_ = 0;
};

}  // namespace postern::cli
