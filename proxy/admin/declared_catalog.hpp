// The catalog file of a server: applied at its start and each time it changes.

#pragma once

#include <string>

#include "conf/config.hpp"
#include "store/store.hpp"

namespace postern::admin {

class DeclaredCatalog {
 public:
  /// Without `config.catalog` there is nothing to apply; a store that was declared becomes a managed one.
  explicit DeclaredCatalog(const Config& config)
      : file_(config.catalog), declared_(config.store_mode == StoreMode::declared) {}

  /// Empty: none.
  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  /// Whether it reads otherwise than when it was last applied, or tried.
  [[nodiscard]] bool changed() const;
  /// Makes the store hold what the file declares, and in a declared store nothing else. A sentence about what
  /// changed; empty without a file. On an error the store is as it was.
  [[nodiscard]] Result<std::string> apply(store::Store& store, std::string_view reason);

 private:
  std::string file_;
  bool declared_;
  std::string text_;  ///< as last read
};

}  // namespace postern::admin
