#include "proxy/cli/text_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::cli {
namespace {

/// A descriptor that closes itself.
class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0) noexcept
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

Error system_error(const std::string& path, std::string_view what) {
  return {ErrorKind::unavailable, path + ": " + std::string(what) + ": " + std::strerror(errno)};
}

bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(fd) == 0;
}

}  // namespace

Result<std::string> read_text_file(const std::string& path) {
  const File file(path, O_RDONLY);
  if (file.fd() < 0) return system_error(path, "cannot be opened");
  std::string text;
  for (;;) {
    char piece[16 * 1024];
    const ssize_t count = ::read(file.fd(), piece, sizeof piece);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path, "cannot be read");
    if (count == 0) return text;
    text.append(piece, static_cast<std::size_t>(count));
    if (text.size() > text_file_bytes_max)
      return Error{ErrorKind::exhausted,
                   path + ": larger than " + std::to_string(text_file_bytes_max / (1024 * 1024)) + " MiB"};
  }
}

Status write_text_file(const std::string& path, std::string_view text) {
  std::error_code none;
  std::string place = std::filesystem::canonical(path, none).string();
  if (none) place = path;
  struct stat old {};
  const bool replaces = ::stat(place.c_str(), &old) == 0;
  std::string fresh = place + ".XXXXXX";
  const int fd = ::mkostemp(fresh.data(), O_CLOEXEC);
  if (fd < 0) return system_error(path, "cannot be written");
  const mode_t mask = ::umask(0);
  ::umask(mask);
  const mode_t mode = replaces ? old.st_mode & 0777U : 0666U & ~mask;
  const bool written = ::fchmod(fd, mode) == 0 && write_all(fd, text);
  if (::close(fd) == 0 && written && ::rename(fresh.c_str(), place.c_str()) == 0) return {};
  const Error error = system_error(path, "cannot be written");
  ::unlink(fresh.c_str());
  return error;
}

}  // namespace postern::cli
