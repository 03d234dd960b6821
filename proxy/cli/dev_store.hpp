// The store of `postern run --dev`: in a temporary directory, gone with the process.

#pragma once

#include <string>

#include "conf/result.hpp"

namespace postern::cli {

class DevStore {
 public:
  /// Makes an empty directory under TMPDIR, or /tmp, that only we can read.
  [[nodiscard]] static Result<DevStore> make();
  DevStore(DevStore&& other) noexcept : directory_(std::move(other.directory_)) { other.directory_.clear(); }
  DevStore& operator=(DevStore&&) = delete;
  /// Removes it and everything in it.
  ~DevStore();

  [[nodiscard]] const std::string& directory() const noexcept { return directory_; }

  /// Makes the store and a token in it. The store is closed again: LMDB must not be opened twice by one
  /// process.
  [[nodiscard]] Result<std::string> create_token(const std::string& token_prefix) const;

 private:
  explicit DevStore(std::string directory) noexcept : directory_(std::move(directory)) {}
  std::string directory_;
};

}  // namespace postern::cli
