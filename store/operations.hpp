// What is done to a store as a whole: looking at it, copying it while it serves, putting a copy in its place,
// giving its unused pages back.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace postern::store {

struct StoreInfo {
  std::string path;  ///< absolute
  std::string id;    ///< "store_…", the same in every copy
  std::uint64_t format = 0;
  UnixSeconds created = 0;
  std::string declared_in;  ///< empty: managed by commands
  std::uint64_t catalog_version = 0;
  std::uint64_t tokens = 0, users = 0, permissions = 0, roles = 0, groups = 0, licenses = 0;
  std::uint64_t imported_secrets = 0, rotated_secrets = 0;
  std::uint64_t audit_records = 0, audit_last = 0;
  std::string audit_hash;  ///< of the newest record: keep it elsewhere to prove the log later
  Store::Space space;
  std::uint64_t file_bytes = 0;  ///< what the state file takes on the disk
  std::vector<int> processes;    ///< others that read it, by process id
};
[[nodiscard]] Result<StoreInfo> store_info(const Store& store);

/// How many tokens end today or within so many days after it, in UTC; those that ended earlier today and
/// disabled ones included. Cheap: one step a day.
[[nodiscard]] Result<std::uint64_t> count_expiring(const Store& store, UnixSeconds now, unsigned days);

/// Writes a copy of one moment into `directory`/postern.store, a store like any other, while others go on
/// reading and writing. Its pages are packed. Either all of it is there afterwards or nothing. Errors:
/// conflict (a store is there already), not_found, unavailable, exhausted.
[[nodiscard]] Status backup(const Store& store, const std::string& directory);

struct RestoreOptions {
  std::string from;      ///< the directory given to backup()
  bool replace = false;  ///< a store that is in the way is put aside, never deleted
};
/// Puts a copy in the place of `target.directory`'s store, once the copy has been found whole, and records it
/// in its audit log. Where the store that was in the way is now; empty: there was none. Errors: those of
/// backup(); invalid (the copy is damaged); conflict (in the way, or in use by another process).
[[nodiscard]] Result<std::string> restore(const Actor& actor, const OpenOptions& target,
                                          const RestoreOptions& options);

struct Compaction {
  std::uint64_t bytes_before = 0, bytes_after = 0;
};
/// Rewrites the files without their unused pages. Consumes the store, which must be the only one of this
/// process. Errors: conflict (another process uses it), unavailable, exhausted.
[[nodiscard]] Result<Compaction> compact(const Actor& actor, Store store);

}  // namespace postern::store
