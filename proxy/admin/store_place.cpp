#include "proxy/admin/store_place.hpp"

#include <sys/stat.h>

namespace postern::admin {

StorePlace::File StorePlace::look_at(std::string path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) status = {};
  return {std::move(path), status.st_dev, status.st_ino};
}

// The lock file, too: processes with different ones do not see each other, and reuse pages that are being
// read.
StorePlace::StorePlace(const std::string& directory)
    : files_{look_at(directory + "/postern.store/state.mdb"),
             look_at(directory + "/postern.store/state.mdb-lock")} {}

std::string StorePlace::problem() const {
  for (const File& opened : files_) {
    const File now = look_at(opened.path);
    if (now.inode == opened.inode && now.device == opened.device) continue;
    return opened.path + (now.inode == 0 ? " was removed" : " was replaced") +
           " while it was in use; put the old files back, or restart postern";
  }
  return {};
}

}  // namespace postern::admin
