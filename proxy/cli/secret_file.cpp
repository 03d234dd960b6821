#include "proxy/cli/secret_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "conf/limits.hpp"
#include "store/secret.hpp"
#include "store/text.hpp"

namespace postern::cli {
namespace {

/// Makes room by hand: a string that grows by itself would leave a copy of the secrets in freed memory.
void grow(std::string& text, std::size_t size) {
  std::string larger;
  larger.reserve(size);
  larger.append(text);
  store::wipe(text);
  text = std::move(larger);
}

/// Nothing to say when it succeeds; else the errno, or EFBIG for a text beyond the limit.
int read_all(int descriptor, std::string& text) {
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
    if (static_cast<std::size_t>(status.st_size) > secret_file_bytes_max) return EFBIG;
    grow(text, static_cast<std::size_t>(status.st_size) + 1);
  }
  for (;;) {
    const std::size_t size = text.size();
    if (size > secret_file_bytes_max) return EFBIG;
    if (size == text.capacity()) grow(text, std::max<std::size_t>(2 * size, 64 * 1024));
    text.resize(text.capacity());
    const ssize_t got = ::read(descriptor, text.data() + size, text.size() - size);
    const int error = errno;
    text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && error != EINTR) return error;
    if (got == 0) return 0;
  }
}

std::string_view flaw_of(std::string_view secret, std::string_view token_prefix) {
  switch (store::secret_form(secret, token_prefix)) {
    case store::SecretForm::ours:
      return {};
    case store::SecretForm::corrupt:
      return "the secret begins like one of our own but its checksum is wrong, as by a slip";
    case store::SecretForm::foreign:
      return store::imported_secret_flaw(secret);
  }
  return "the secret cannot be judged";
}

}  // namespace

Result<std::string> read_secret_file(const std::string& file) {
  const bool standard_input = file == "-";
  const int descriptor = standard_input ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Error{ErrorKind::unavailable, file + ": " + std::strerror(errno)};
  std::string text;
  const int error = read_all(descriptor, text);
  if (!standard_input) ::close(descriptor);
  if (error == 0) return text;
  store::wipe(text);
  return Error{ErrorKind::unavailable,
               (standard_input ? "standard input" : file) + ": " + std::strerror(error)};
}

std::vector<SecretLine> parse_secret_file(std::string_view text, const std::string& file,
                                          std::string_view token_prefix, Diagnostics& diagnostics) {
  std::vector<SecretLine> lines;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;

    const auto mistake = [&](std::string_view message) {
      diagnostics.add({file, number, 0}, std::string(message));
    };
    const std::size_t blank = line.find_first_of(" \t");
    const std::size_t name_begin = line.find_first_not_of(" \t", blank);
    if (blank == 0) {
      mistake("the line begins with a blank; write SECRET NAME");
      continue;
    }
    if (blank == std::string_view::npos || name_begin == std::string_view::npos) {
      mistake("no name after the secret; write SECRET NAME");
      continue;
    }
    SecretLine entry{number, line.substr(0, blank), line.substr(name_begin)};
    entry.name = entry.name.substr(0, entry.name.find_last_not_of(" \t") + 1);
    if (const std::string_view flaw = flaw_of(entry.secret, token_prefix); !flaw.empty()) mistake(flaw);
    if (const std::string_view flaw = store::text_flaw(entry.name, limits::name_bytes_max); !flaw.empty()) {
      mistake("the name " + std::string(flaw));
    }
    lines.push_back(entry);
  }
  return lines;
}

}  // namespace postern::cli
