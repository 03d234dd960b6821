// Whether the files at the store's place are still those that were opened. Memory that is mapped from files
// which somebody has removed or replaced goes on telling what they held; what is changed at their place
// since, a revocation for example, would never be seen.

#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace postern::admin {

class StorePlace {
 public:
  /// Right after the store in this directory was opened.
  explicit StorePlace(const std::string& directory);
  /// A sentence that says how to go on, or empty: all is as it was.
  [[nodiscard]] std::string problem() const;

 private:
  struct File {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };
  [[nodiscard]] static File look_at(std::string path);
  std::vector<File> files_;
};

}  // namespace postern::admin
