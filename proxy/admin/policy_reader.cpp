#include "proxy/admin/policy_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace postern::admin {
namespace {

namespace fs = std::filesystem;

bool lies_below(const fs::path& file, const fs::path& directory) {
  return std::mismatch(directory.begin(), directory.end(), file.begin(), file.end()).first == directory.end();
}

/// Where included files may lie: links followed, and none that is not there.
std::vector<fs::path> homes_of(const std::string& policy) {
  std::vector<fs::path> homes;
  std::error_code error;
  const fs::path written = fs::absolute(policy, error);
  if (fs::path home = fs::canonical(written.parent_path(), error); !error) homes.push_back(std::move(home));
  if (fs::path real = fs::canonical(written, error); !error) homes.push_back(real.parent_path());
  return homes;
}

/// An included file, opened once: what is looked at is what is read, wherever its name leads a moment later.
class IncludedFile {
 public:
  /// flaw() is why it is not to be read, or empty.
  IncludedFile(const std::string& path, const std::vector<fs::path>& homes)
      // Not waiting for whoever writes into a pipe.
      : fd_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {
    struct stat found {};
    if (fd_ < 0 || ::fstat(fd_, &found) != 0) {
      flaw_ = "cannot be opened: " + std::string(std::strerror(errno));
      return;
    }
    if (!S_ISREG(found.st_mode)) {
      flaw_ = "is not a regular file";
      return;
    }
    std::error_code error;
    const fs::path real = fs::read_symlink("/proc/self/fd/" + std::to_string(fd_), error);
    const bool home = std::any_of(homes.begin(), homes.end(),
                                  [&](const fs::path& directory) { return lies_below(real, directory); });
    if (error)
      flaw_ = "cannot be placed: /proc is not mounted";
    else if (!home)
      flaw_ = "is a link that leads out of the policy's directory";
  }
  ~IncludedFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  IncludedFile(const IncludedFile&) = delete;
  IncludedFile& operator=(const IncludedFile&) = delete;

  [[nodiscard]] const std::string& flaw() const noexcept { return flaw_; }
  /// The file by a name that cannot lead anywhere else.
  [[nodiscard]] std::string name() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
  std::string flaw_;
};

/// How the files of the policy `first` are reached: it by its name, others where they may lie.
policy::FileAccess access_to(const std::string& first) {
  const std::vector<fs::path> homes = homes_of(first);
  const auto flaw = [homes](const std::string& path) { return IncludedFile(path, homes).flaw(); };
  const auto read = [first, homes](const std::string& path, Diagnostics& diagnostics) {
    if (path == first) return yaml::load(path, diagnostics);
    const IncludedFile file(path, homes);
    if (file.flaw().empty()) return yaml::load(file.name(), diagnostics, path);
    diagnostics.add({path, 0, 0}, file.flaw());
    return yaml::Document{path, {}, {}};
  };
  return {flaw, read};
}

}  // namespace

policy::PolicyFiles read_policy(const std::string& path, Diagnostics& diagnostics) {
  return policy::gather_files(path, access_to(path), diagnostics);
}

policy::PolicyFiles read_policy(const yaml::Document& first, Diagnostics& diagnostics) {
  policy::FileAccess access = access_to(first.file);
  access.read = [&first, read = access.read](const std::string& file, Diagnostics& found) {
    return file == first.file ? first : read(file, found);
  };
  return policy::gather_files(first.file, access, diagnostics);
}

std::string texts_of(const policy::PolicyFiles& files) {
  std::string texts;
  for (const policy::PolicyFile& file : files) texts += '\0' + file.document.text;
  return texts;
}

std::string read_texts(const std::vector<std::string>& files) {
  std::string texts;
  const std::vector<fs::path> homes = files.empty() ? std::vector<fs::path>() : homes_of(files.front());
  for (const std::string& file : files) {
    texts += '\0';
    if (&file == &files.front()) {
      texts += yaml::read_text(file);
      continue;
    }
    const IncludedFile included(file, homes);
    if (included.flaw().empty()) texts += yaml::read_text(included.name());
  }
  return texts;
}

}  // namespace postern::admin
