// The files of a store, opened. LMDB forbids opening an environment twice in one process (closing one of them
// drops the POSIX locks of both), so all Stores of a process on one directory share one.

#pragma once

#include <cstdint>
#include <lmdb.h>
#include <mutex>
#include <string>

#include "conf/result.hpp"
#include "store/layout.hpp"
#include "store/store.hpp"

namespace postern::store {

/// The environment of uses, open.
struct UsageFile {
  MDB_env* environment = nullptr;
  MDB_dbi usage = 0;
};

class Environment {
 public:
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  [[nodiscard]] MDB_env* raw() const noexcept { return environment_; }
  [[nodiscard]] const Databases& databases() const noexcept { return databases_; }
  /// Number of the last commit of the store by anybody; 0 before the first.
  [[nodiscard]] std::uint64_t last_commit() const noexcept;
  /// When tokens were used: opened, and made when it is missing, once somebody asks. Good as long as this;
  /// may be asked for by any thread.
  [[nodiscard]] Result<UsageFile> usage() const;
  /// The directory of the store, absolute.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Whether its file is still the one at its path: a store may be compacted, restored or removed.
  [[nodiscard]] bool is_in_place() const noexcept;

 private:
  friend class EnvironmentRef;
  Environment() = default;
  ~Environment() {
    if (usage_.environment != nullptr) mdb_env_close(usage_.environment);
    if (environment_ != nullptr) mdb_env_close(environment_);
  }

  [[nodiscard]] Status open(std::string path, const OpenOptions& options);

  MDB_env* environment_ = nullptr;
  Databases databases_ = {};
  std::string path_;
  std::uint64_t size_max_ = 0;
  bool durable_ = true;
  mutable std::mutex usage_mutex_;
  mutable UsageFile usage_;  ///< guarded by usage_mutex_; once set it stays
  unsigned references_ = 0;  ///< guarded by the registry's mutex
};

/// A share in an environment; the last one closes it. May be copied to and dropped by any thread.
class EnvironmentRef {
 public:
  /// Opens the files below `options.directory`, or shares them when this process has them open already. Makes
  /// what is missing when `options.create` says so. Errors as Store::open.
  [[nodiscard]] static Result<EnvironmentRef> open(const OpenOptions& options);

  EnvironmentRef(const EnvironmentRef& other) noexcept;
  EnvironmentRef(EnvironmentRef&& other) noexcept;
  EnvironmentRef& operator=(const EnvironmentRef&) = delete;
  EnvironmentRef& operator=(EnvironmentRef&&) = delete;
  ~EnvironmentRef();

  [[nodiscard]] const Environment& operator*() const noexcept { return *environment_; }
  [[nodiscard]] const Environment* operator->() const noexcept { return environment_; }

 private:
  explicit EnvironmentRef(Environment* environment) noexcept : environment_(environment) {}
  Environment* environment_;
};

/// Sizes of the map. Free pages count as unused, even those that a reader of an old snapshot still keeps from
/// reuse.
[[nodiscard]] Result<Store::Space> space_of(const Environment& environment);

}  // namespace postern::store
