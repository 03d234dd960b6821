#include "store/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "store/transaction.hpp"

namespace postern::store {
namespace {

constexpr std::uint64_t size_max_default = std::uint64_t{64} << 30;
/// One slot for each shard of each server and for each command that reads, with room.
constexpr unsigned readers_max = 1024;

Error system_error(const std::string& path, std::string_view doing) {
  const ErrorKind kind = errno == ENOSPC || errno == EDQUOT ? ErrorKind::exhausted : ErrorKind::unavailable;
  return {kind, "store: " + std::string(doing) + " " + path + ": " + std::strerror(errno)};
}

/// Neither readable by others nor somebody else's: a hash in the wrong hands is no secret, but a record is a
/// right.
Status check_private(const std::string& path, const struct stat& found, const char* chmod) {
  if (found.st_uid != ::geteuid())
    return Error{ErrorKind::invalid, "store: " + path + " belongs to user " + std::to_string(found.st_uid) +
                                         "; use the store as that user"};
  if ((found.st_mode & 077) != 0)
    return Error{ErrorKind::invalid,
                 "store: " + path + " is open to other users; close it with: chmod " + chmod + " " + path};
  return {};
}

Status check_file(const std::string& path) {
  struct stat found = {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return system_error(path, "look at");
  }
  if (!S_ISREG(found.st_mode)) return Error{ErrorKind::incompatible, "store: " + path + " is not a file"};
  return check_private(path, found, "600");
}

bool is_our_group(gid_t group) {
  if (group == ::getegid()) return true;
  std::vector<gid_t> others(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
  const int count = ::getgroups(static_cast<int>(others.size()), others.data());
  others.resize(static_cast<std::size_t>(std::max(count, 0)));
  return std::find(others.begin(), others.end(), group) != others.end();
}

/// What Kubernetes makes of a directory in a volume with `fsGroup`, and nobody by accident: still its
/// owner's, open to a group that the process was given, with the setgid bit.
bool was_given_to_our_group(const struct stat& found) {
  return S_ISDIR(found.st_mode) && found.st_uid == ::geteuid() && (found.st_mode & S_ISGID) != 0 &&
         (found.st_mode & 07) == 0 && is_our_group(found.st_gid);
}

/// Closes a store that the start of a pod has opened to its group. The directory first: from then on nobody
/// else can put another file in the place of one that is looked at. Files that others may use, too, stay as
/// they are, and are refused.
Status close_to_group(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory < 0) return system_error(path, "look at");
  struct stat opened = {};
  const bool closed =
      ::fstat(directory, &opened) == 0 && was_given_to_our_group(opened) && ::fchmod(directory, 0700) == 0;
  ::close(directory);
  if (!closed) return {};
  for (const char* file : {state_file, usage_file}) {
    for (const char* kind : {"", "-lock"}) {
      const std::string name = path + file + kind;
      struct stat found = {};
      if (::lstat(name.c_str(), &found) == 0 && S_ISREG(found.st_mode) && found.st_uid == opened.st_uid &&
          found.st_gid == opened.st_gid && (found.st_mode & 07) == 0 && ::chmod(name.c_str(), 0600) != 0)
        return system_error(name, "close");
    }
  }
  return {};
}

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno == ENOENT)
    return Error{ErrorKind::not_found,
                 "store: cannot make " + path + ": the directory above it does not exist"};
  return system_error(path, "make");
}

}  // namespace

Result<std::string> private_directory(const std::string& directory, bool create) {
  if (directory.empty()) return Error{ErrorKind::usage, "store: no directory given"};
  const std::string path = directory + "/postern.store";
  if (create) {
    POSTERN_TRY_STATUS(make_directory(directory));
    POSTERN_TRY_STATUS(make_directory(path));
  }
  struct stat found = {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return Error{ErrorKind::not_found, "store: there is no store in " + directory};
    return system_error(path, "look at");
  }
  if (!S_ISDIR(found.st_mode))
    return Error{ErrorKind::incompatible, "store: " + path + " is not a directory"};
  if (was_given_to_our_group(found)) {
    POSTERN_TRY_STATUS(close_to_group(path));
    if (::lstat(path.c_str(), &found) != 0) return system_error(path, "look at");
  }
  POSTERN_TRY_STATUS(check_private(path, found, "700"));

  const std::unique_ptr<char, decltype(&std::free)> absolute(::realpath(path.c_str(), nullptr), &std::free);
  if (!absolute) return system_error(path, "look at");
  for (const char* file : {state_file, usage_file}) {
    POSTERN_TRY_STATUS(check_file(std::string(absolute.get()) + file));
    POSTERN_TRY_STATUS(check_file(std::string(absolute.get()) + file + "-lock"));
  }
  return std::string(absolute.get());
}

bool is_empty_file(const std::string& file) noexcept {
  struct stat found = {};
  return ::stat(file.c_str(), &found) != 0 || found.st_size == 0;
}

Result<MDB_env*> open_file(const std::string& file, const FileOptions& options) {
  MDB_env* raw = nullptr;
  if (const int code = mdb_env_create(&raw); code != 0) return lmdb_error(code, "open " + file);
  std::unique_ptr<MDB_env, decltype(&mdb_env_close)> environment(raw, &mdb_env_close);

  std::uint64_t size = options.size_max == 0 && is_empty_file(file) ? size_max_default : options.size_max;
  if (size != 0) {
    // LMDB wants whole pages. Left alone, it takes the size that the file was made with.
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    size = (size + page - 1) / page * page;
    if (const int code = mdb_env_set_mapsize(raw, size); code != 0) return lmdb_error(code, "open " + file);
  }
  mdb_env_set_maxdbs(raw, options.databases_max);
  mdb_env_set_maxreaders(raw, readers_max);

  // NOTLS: a read transaction belongs to its Reader, not to a thread. NORDAHEAD: look-ups are random,
  // read-ahead would throw useful pages out. Not NOMEMINIT, which writes stale heap, secrets perhaps, into
  // the slack of pages.
  unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD;
  if (!options.durable) flags |= MDB_NOSYNC;
  if (options.sync_meta == SyncMeta::no) flags |= MDB_NOMETASYNC;
  if (const int code = mdb_env_open(raw, file.c_str(), flags, 0600); code != 0)
    return lmdb_error(code, "open " + file);
  POSTERN_TRY_STATUS(clear_dead_readers(raw));
  return environment.release();
}

Status clear_dead_readers(MDB_env* environment) {
  int dead = 0;
  if (const int code = mdb_reader_check(environment, &dead); code != 0)
    return lmdb_error(code, "clear readers");
  return {};
}

}  // namespace postern::store
