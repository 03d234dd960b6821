#include "proxy/cli/leak_search.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "proxy/cli/output.hpp"
#include "store/secret.hpp"
#include "store/secret_scan.hpp"

namespace postern::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = std::size_t{1} << 20;

/// Output of a program that is asked no questions.
class Program {
 public:
  explicit Program(const std::vector<std::string>& words) {
    std::array<int, 2> ends = {-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { (void)end(); }

  /// 0 at the end.
  [[nodiscard]] std::size_t read(char* out, std::size_t size) {
    for (;;) {
      const ssize_t got = ::read(output_, out, size);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return 0;
    }
  }
  /// Its exit code; 127 when it could not be run.
  int end() {
    if (output_ >= 0) ::close(output_);
    output_ = -1;
    int status = 0;
    if (process_ <= 0) return 127;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
  }

 private:
  int output_ = -1;
  pid_t process_ = -1;
};

}  // namespace

/// One text that comes in pieces, whose secrets may lie across them.
class LeakSearch::Text {
 public:
  Text(LeakSearch& search, std::string place) : search_(search), place_(std::move(place)) {
    held_.reserve(2 * piece_bytes);
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { store::wipe(held_); }

  void add(std::string_view piece) {
    held_.append(piece);
    std::size_t overlap = 0;
    for (const std::string& prefix : search_.prefixes_)
      overlap = std::max(overlap, store::secret_bytes(prefix) - 1);
    std::size_t from = 0;
    while (const auto one = next_secret(from)) {
      count_lines(one->offset);
      search_.found_({place_ + ":" + std::to_string(line_), one->secret});
      from = one->offset + one->secret.size();
    }
    // What a secret may yet begin in is kept, unless it was found.
    const std::size_t kept_from = std::max(from, held_.size() - std::min(held_.size(), overlap));
    count_lines(kept_from);
    held_.erase(0, kept_from);
    counted_ = 0;
  }

 private:
  /// The first one from there on, under any prefix.
  [[nodiscard]] std::optional<store::FoundSecret> next_secret(std::size_t from) const {
    std::optional<store::FoundSecret> first;
    for (const std::string& prefix : search_.prefixes_) {
      const auto one = store::find_secret(held_, prefix, from);
      if (one && (!first || one->offset < first->offset)) first = one;
    }
    return first;
  }
  void count_lines(std::size_t until) {
    line_ += static_cast<std::size_t>(std::count(held_.begin() + static_cast<std::ptrdiff_t>(counted_),
                                                 held_.begin() + static_cast<std::ptrdiff_t>(until), '\n'));
    counted_ = until;
  }
  LeakSearch& search_;
  std::string place_;
  std::string held_;
  std::size_t counted_ = 0;  ///< of held_
  std::size_t line_ = 1;
};

void LeakSearch::look_in_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  ssize_t got = file < 0 ? -1 : 0;
  if (file >= 0) {
    Text text(*this, path);
    std::string piece(piece_bytes, '\0');
    while ((got = ::read(file, piece.data(), piece.size())) > 0)
      text.add(std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
    store::wipe(piece);
  }
  const int error = errno;
  if (file >= 0) ::close(file);
  ++files_;
  if (got == 0) return;
  ++unreadable_;
  complain(path + ": " + std::strerror(error));
}

Status LeakSearch::look_in(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Error{ErrorKind::not_found, path + ": there is no such file"};
  if (!fs::is_directory(status)) {
    look_in_file(path);
    return {};
  }
  look_in_folder(path);
  return {};
}

/// What cannot be opened is told and counted, and the rest looked at.
void LeakSearch::look_in_folder(const std::string& path) {
  std::error_code error;
  fs::directory_iterator each(path, error);
  for (const fs::directory_iterator end; !error && each != end; each.increment(error)) {
    std::error_code ignored;
    if (each->is_symlink(ignored)) continue;
    if (each->is_regular_file(ignored)) look_in_file(each->path().string());
    if (each->is_directory(ignored) && each->path().filename() != ".git")
      look_in_folder(each->path().string());
  }
  if (!error) return;
  ++unreadable_;
  complain(path + ": " + error.message());
}

Status LeakSearch::look_in_history(const std::string& path) {
  // Not even a repository that asks for it makes git fetch anything.
  Program git({"env", "GIT_NO_LAZY_FETCH=1", "git", "-C", path, "cat-file", "--batch-all-objects",
               "--unordered", "--batch", "--buffer"});
  // "<name> <kind> <size>\n", as many bytes, "\n"; and so on.
  std::string buffer(piece_bytes, '\0'), head;
  std::optional<Text> text;
  std::uint64_t left = 0;  // bytes of the object, and of the line feed behind it
  while (const std::size_t got = git.read(buffer.data(), buffer.size())) {
    std::string_view rest(buffer.data(), got);
    while (!rest.empty()) {
      if (left > 0) {
        const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left, rest.size()));
        text->add(rest.substr(0, taken));
        rest.remove_prefix(taken);
        left -= taken;
        if (left == 0) text.reset();
        continue;
      }
      const std::size_t end = rest.find('\n');
      head.append(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (end == std::string_view::npos) continue;
      const std::size_t blank = head.rfind(' ');
      const char* const digits = head.data() + (blank == std::string::npos ? head.size() : blank + 1);
      const auto read = std::from_chars(digits, head.data() + head.size(), left);
      if (read.ec != std::errc() || head.size() > 256)
        return Error{ErrorKind::unavailable, path + ": git gave an answer that is none"};
      ++left;
      text.emplace(*this, "git object " + head.substr(0, head.find(' ')));
      ++files_;
      head.clear();
    }
  }
  store::wipe(buffer);
  if (const int code = git.end(); code != 0)
    return Error{ErrorKind::unavailable,
                 path + ": " + (code == 127 ? "git cannot be run" : "git could not read the repository")};
  return {};
}

}  // namespace postern::cli
