#include "store/operations.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "store/audit.hpp"
#include "store/environment.hpp"
#include "store/files.hpp"
#include "store/instant.hpp"
#include "store/mutation.hpp"

namespace postern::store {
namespace {

namespace fs = std::filesystem;

constexpr char store_name[] = "/postern.store";

Error system_error(const std::string& path, std::string_view doing) {
  const ErrorKind kind = errno == ENOSPC || errno == EDQUOT ? ErrorKind::exhausted : ErrorKind::unavailable;
  return {kind, "store: " + std::string(doing) + " " + path + ": " + std::strerror(errno)};
}

/// A descriptor that is closed in any case.
class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const noexcept { return number_; }

 private:
  int number_;
};

Status sync_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return system_error(path, "write");
  return {};
}

/// One packed environment file, on the disk when this returns.
Status copy_file(MDB_env* environment, const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return system_error(path, "write");
  if (const int code = mdb_env_copyfd2(environment, file.get(), MDB_CP_COMPACT); code != 0)
    return lmdb_error(code, "copy to " + path);
  if (::fsync(file.get()) != 0) return system_error(path, "write");
  return {};
}

/// A directory that becomes a store only when all of it is there; otherwise it is gone afterwards.
class Draft {
 public:
  /// What a crash has left of an earlier one is removed.
  static Result<Draft> begin(const std::string& directory) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return system_error(directory, "make");
    Draft draft(directory + store_name + ".part");
    std::error_code ignored;
    fs::remove_all(draft.path_, ignored);
    if (::mkdir(draft.path_.c_str(), 0700) != 0) return system_error(draft.path_, "make");
    return draft;
  }
  Draft(Draft&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Draft& operator=(Draft&&) = delete;
  ~Draft() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  Status fill(const Environment& environment) {
    POSTERN_TRY_STATUS(copy_file(environment.raw(), path_ + state_file));
    POSTERN_TRY(const UsageFile usage, environment.usage());
    POSTERN_TRY_STATUS(copy_file(usage.environment, path_ + usage_file));
    return sync_directory(path_);
  }
  /// Gives it its name, where nothing may be.
  Status become(const std::string& path) {
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0)
      return system_error(path, "make");
    path_.clear();
    return sync_directory(fs::path(path).parent_path());
  }
  /// Changes places with a store in one step, so that nobody ever finds none there and makes an empty one.
  /// The old one is then at `aside`; without that it goes with the draft.
  Status change_places_with(const std::string& path, const std::string& aside) {
    if (!aside.empty()) {  // first, so that no failure and no crash ever leaves the old one under a draft's
                           // name
      if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, aside.c_str(), RENAME_NOREPLACE) != 0)
        return system_error(aside, "make");
      path_ = aside;
    }
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) != 0)
      return system_error(path, "replace");
    if (!aside.empty()) path_.clear();
    return sync_directory(fs::path(path).parent_path());
  }

 private:
  explicit Draft(std::string path) : path_(std::move(path)) {}
  std::string path_;  ///< empty: nothing to remove
};

/// Other processes that have a place in the table of readers, as every server has.
std::vector<int> other_processes(MDB_env* environment) {
  std::vector<int> found;
  const auto take = [](const char* line, void* list) {
    int process = 0;
    if (std::sscanf(line, "%d", &process) == 1 && process != ::getpid())
      static_cast<std::vector<int>*>(list)->push_back(process);
    return 0;
  };
  mdb_reader_list(environment, take, &found);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Status check_unused(const Store& store) {
  const std::vector<int> processes = other_processes(store.environment().raw());
  if (processes.empty()) return {};
  std::string names;
  for (const int process : processes) names += (names.empty() ? "" : ", ") + std::to_string(process);
  return Error{ErrorKind::conflict, "store: in use by process " + names + "; stop what uses it first"};
}

bool exists(const std::string& path) {
  struct stat found = {};
  return ::lstat(path.c_str(), &found) == 0;
}

std::uint64_t size_of(const std::string& path) {
  struct stat found = {};
  return ::stat(path.c_str(), &found) == 0 ? static_cast<std::uint64_t>(found.st_blocks) * 512 : 0;
}

/// "/var/lib/postern" of "/var/lib/postern/postern.store".
std::string directory_of(const Store& store) {
  return fs::path(store.path()).parent_path().string();
}

/// Writes down, in the store's own log, what was done to it as a whole.
Status record(const Store& store, const Actor& actor, std::string_view action,
              const boost::json::object& change) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(store.environment(), actor, Mutation::Purpose::upkeep));
  POSTERN_TRY(const auto id, mutation.transaction().get(mutation.databases().meta, meta_key::store_id));
  const std::string target(id.value_or(std::string_view{}));
  POSTERN_TRY_STATUS(mutation.record(action, target, boost::json::serialize(change)));
  return mutation.finish();
}

/// Puts a copy of `source` in the place of a store that nobody uses, which is then at `aside`, or gone
/// without that.
Status put_in_place_of(const Store& present, const std::string& directory, const Environment& source,
                       const std::string& aside) {
  POSTERN_TRY_STATUS(check_unused(present));
  // Held to the end, so that nobody writes into what is about to be put away. Whoever waits for it meanwhile
  // finds out in Mutation::begin().
  POSTERN_TRY(const Transaction writing, Transaction::write(present.environment()));
  POSTERN_TRY(Draft draft, Draft::begin(directory));
  POSTERN_TRY_STATUS(draft.fill(source));
  POSTERN_TRY_STATUS(check_unused(present));
  return draft.change_places_with(present.path(), aside);
}

}  // namespace

Result<StoreInfo> store_info(const Store& store) {
  StoreInfo info;
  POSTERN_TRY(info.space, store.space());
  info.path = store.path();
  info.file_bytes = size_of(store.path() + state_file);
  info.processes = other_processes(store.environment().raw());
  POSTERN_TRY(const Transaction transaction, Transaction::read(store.environment()));
  const Databases& databases = transaction.databases();
  POSTERN_TRY(const auto id, transaction.get(databases.meta, meta_key::store_id));
  info.id = id.value_or(std::string_view{});
  POSTERN_TRY(info.format, transaction.number(meta_key::format));
  POSTERN_TRY(const std::uint64_t created, transaction.number(meta_key::created));
  info.created = static_cast<UnixSeconds>(created);
  POSTERN_TRY(info.declared_in, declared_file(transaction));
  POSTERN_TRY(info.catalog_version, transaction.number(meta_key::catalog_version));
  POSTERN_TRY(info.imported_secrets, transaction.number(meta_key::imported_secrets));
  POSTERN_TRY(info.tokens, transaction.size(databases.tokens));
  POSTERN_TRY(info.users, transaction.size(databases.users));
  POSTERN_TRY(info.permissions, transaction.size(databases.permissions));
  POSTERN_TRY(info.roles, transaction.size(databases.roles));
  POSTERN_TRY(info.groups, transaction.size(databases.groups));
  POSTERN_TRY(info.licenses, transaction.size(databases.licenses));
  POSTERN_TRY(info.rotated_secrets, transaction.size(databases.rotated));
  POSTERN_TRY(info.audit_records, transaction.size(databases.audit));
  POSTERN_TRY(const AuditMark head, audit_mark(transaction, meta_key::audit_head));
  info.audit_last = head.sequence;
  info.audit_hash = to_hex(head.hash);
  return info;
}

Result<std::uint64_t> count_expiring(const Store& store, UnixSeconds now, unsigned days) {
  constexpr UnixSeconds day_seconds = 86'400;
  const auto today = static_cast<std::uint32_t>(now / day_seconds);
  POSTERN_TRY(const Transaction transaction, Transaction::read(store.environment()));
  const MDB_dbi expiries = transaction.databases().expiries;
  std::uint64_t sum = 0;
  for (std::uint32_t day = today; day <= today + days; ++day) {
    POSTERN_TRY(const std::uint64_t ending, transaction.count(expiries, handle_key(day).view()));
    sum += ending;
  }
  return sum;
}

Status backup(const Store& store, const std::string& directory) {
  if (exists(directory + store_name))
    return Error{ErrorKind::conflict, "store: there is a store in " + directory + " already"};
  POSTERN_TRY(Draft draft, Draft::begin(directory));
  POSTERN_TRY_STATUS(draft.fill(store.environment()));
  return draft.become(directory + store_name);
}

Result<std::string> restore(const Actor& actor, const OpenOptions& target, const RestoreOptions& options) {
  OpenOptions opening = target;
  opening.directory = options.from;
  opening.create = false;
  POSTERN_TRY(const Store copy, Store::open(opening));
  POSTERN_TRY(const VerifyReport report, copy.verify());
  if (!report.problems.empty())
    return Error{ErrorKind::invalid, "store: the copy in " + options.from +
                                         " is damaged, nothing was done: " + report.problems.front()};

  const std::string place = target.directory + store_name;
  const bool in_the_way = exists(place);
  std::string aside;
  if (in_the_way) {
    if (!options.replace)
      return Error{ErrorKind::conflict,
                   "store: there is a store in " + target.directory + " already; --replace puts it aside"};
    aside = place + ".replaced-" + format_instant(static_cast<UnixSeconds>(std::time(nullptr)));
    if (exists(aside)) return Error{ErrorKind::conflict, "store: " + aside + " is in the way"};
  }
  opening.directory = target.directory;
  if (in_the_way) {
    POSTERN_TRY(const Store present, Store::open(opening));
    if (present.path() == copy.path()) return Error{ErrorKind::usage, "store: the copy is the store itself"};
    POSTERN_TRY_STATUS(put_in_place_of(present, target.directory, copy.environment(), aside));
  } else {
    POSTERN_TRY(Draft draft, Draft::begin(target.directory));
    POSTERN_TRY_STATUS(draft.fill(copy.environment()));
    POSTERN_TRY_STATUS(draft.become(place));
  }
  POSTERN_TRY(const Store restored, Store::open(opening));
  POSTERN_TRY_STATUS(record(restored, actor, "store.restore", {{"from", copy.path()}, {"aside", aside}}));
  return aside;
}

Result<Compaction> compact(const Actor& actor, Store store) {
  POSTERN_TRY_STATUS(check_unused(store));
  const std::string directory = directory_of(store);
  Compaction done;
  done.bytes_before = size_of(store.path() + state_file) + size_of(store.path() + usage_file);
  POSTERN_TRY_STATUS(record(store, actor, "store.compact", {{"bytes_before", done.bytes_before}}));
  POSTERN_TRY_STATUS(put_in_place_of(store, directory, store.environment(), {}));
  done.bytes_after = size_of(store.path() + state_file) + size_of(store.path() + usage_file);
  return done;
}

}  // namespace postern::store
