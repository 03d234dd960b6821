#include "store/environment.hpp"

#include <map>
#include <mutex>
#include <sys/stat.h>
#include <utility>

#include "store/files.hpp"
#include "store/format.hpp"
#include "store/transaction.hpp"

namespace postern::store {
namespace {

/// Every environment of this process by the device and inode of its directory: a path may have several
/// spellings.
struct Registry {
  using Key = std::pair<dev_t, ino_t>;
  std::mutex mutex;
  std::map<Key, Environment*> open;
};
Registry& registry() {
  static Registry instance;
  return instance;
}

}  // namespace

Status Environment::open(std::string path, const OpenOptions& options) {
  path_ = std::move(path);
  size_max_ = options.size_max;
  durable_ = options.durable;
  // Before the state file: when that is whole, so is this one, wherever a crash fell between.
  if (options.create && (is_empty_file(path_ + usage_file) || is_empty_file(path_ + state_file)))
    POSTERN_TRY_STATUS(make_usage_file(path_ + usage_file, options));
  const FileOptions file_options = {options.size_max, MDB_dbi{database_names.size()}, options.durable};
  POSTERN_TRY(environment_, open_file(path_ + state_file, file_options));
  return open_format(environment_, databases_, options.create);
}

Result<UsageFile> Environment::usage() const {
  const std::lock_guard lock(usage_mutex_);
  if (usage_.environment == nullptr) {
    POSTERN_TRY(usage_, open_usage_file(path_ + usage_file, size_max_, durable_));
  }
  return usage_;
}

Result<EnvironmentRef> EnvironmentRef::open(const OpenOptions& options) {
  // Held to the end: a second opening must neither overtake the first nor the closing of the last.
  const std::lock_guard lock(registry().mutex);
  POSTERN_TRY(std::string path, private_directory(options.directory, options.create));
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0)
    return Error{ErrorKind::unavailable, "store: cannot look at " + path};
  if (!options.create && is_empty_file(path + state_file))
    return Error{ErrorKind::not_found, "store: there is no store in " + options.directory};

  const Registry::Key key(found.st_dev, found.st_ino);
  if (const auto shared = registry().open.find(key); shared != registry().open.end()) {
    if (shared->second->durable_ != options.durable)
      return Error{ErrorKind::conflict, "store: open in this process already, with another durability"};
    ++shared->second->references_;
    return EnvironmentRef(shared->second);
  }
  auto* environment = new Environment;
  if (Status opened = environment->open(std::move(path), options); !opened) {
    delete environment;
    return std::move(opened).error();
  }
  environment->references_ = 1;
  registry().open.emplace(key, environment);
  return EnvironmentRef(environment);
}

EnvironmentRef::EnvironmentRef(const EnvironmentRef& other) noexcept : environment_(other.environment_) {
  const std::lock_guard lock(registry().mutex);
  ++environment_->references_;
}

bool Environment::is_in_place() const noexcept {
  mdb_filehandle_t file = -1;
  struct stat ours = {}, there = {};
  return mdb_env_get_fd(environment_, &file) == 0 && ::fstat(file, &ours) == 0 &&
         ::stat((path_ + state_file).c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
         ours.st_ino == there.st_ino;
}

EnvironmentRef::EnvironmentRef(EnvironmentRef&& other) noexcept
    : environment_(std::exchange(other.environment_, nullptr)) {}

EnvironmentRef::~EnvironmentRef() {
  if (environment_ == nullptr) return;
  const std::lock_guard lock(registry().mutex);
  if (--environment_->references_ > 0) return;
  std::erase_if(registry().open, [this](const auto& entry) { return entry.second == environment_; });
  delete environment_;
}

std::uint64_t Environment::last_commit() const noexcept {
  MDB_envinfo info = {};
  mdb_env_info(environment_, &info);
  return info.me_last_txnid;
}

Result<Store::Space> space_of(const Environment& environment) {
  MDB_envinfo info = {};
  mdb_env_info(environment.raw(), &info);
  POSTERN_TRY(const Transaction transaction, Transaction::read(environment));
  MDB_stat stat = {};
  mdb_stat(transaction.raw(), environment.databases().meta, &stat);
  const std::uint64_t page = stat.ms_psize;

  // Pages that were used once and are free again stand in LMDB's database 0: lists whose first word is their
  // length.
  constexpr MDB_dbi free_list = 0;
  std::uint64_t free_pages = 0;
  POSTERN_TRY(Cursor cursor, transaction.cursor(free_list));
  POSTERN_TRY(bool more, cursor.first());
  while (more) {
    std::size_t pages = 0;
    if (cursor.value().size() >= sizeof pages)
      cursor.value().copy(reinterpret_cast<char*>(&pages), sizeof pages);
    free_pages += pages;
    POSTERN_TRY(more, cursor.next());
  }
  return Store::Space{(std::uint64_t{info.me_last_pgno} + 1 - free_pages) * page, info.me_mapsize};
}

}  // namespace postern::store
