// The directory and the files of a store on disk: made private, and refused when they are not.

#pragma once

#include <cstdint>
#include <lmdb.h>
#include <string>

#include "conf/result.hpp"

namespace postern::store {

inline constexpr char state_file[] = "/state.mdb";  ///< tokens and all they need
inline constexpr char usage_file[] = "/usage.mdb";  ///< when tokens were used

/// `<directory>/postern.store` as an absolute path. With `create` it is made (0700), and `directory` too when
/// only its last part is missing; the mode of an existing `directory` is not judged. Errors: not_found;
/// invalid when it, or a file in it, belongs to somebody else or is open to others; unavailable.
[[nodiscard]] Result<std::string> private_directory(const std::string& directory, bool create);

/// Whether there is nothing in a file, or no file.
[[nodiscard]] bool is_empty_file(const std::string& file) noexcept;

/// Whether a commit waits for the disk twice, or may leave its second, short write to the next commit.
enum class SyncMeta : bool { no = false, yes = true };

/// Settings of one LMDB environment.
struct FileOptions {
  std::uint64_t size_max = 0;  ///< bytes; 0 = what the file was made with, 64 GiB for a new one
  MDB_dbi databases_max = 0;
  bool durable = true;
  SyncMeta sync_meta = SyncMeta::yes;
};

/// Opens an environment file (0600) and clears dead readers.
[[nodiscard]] Result<MDB_env*> open_file(const std::string& file, const FileOptions& options);

/// Forgets the read transactions of processes that died. Cheap: one pass over the table of readers.
[[nodiscard]] Status clear_dead_readers(MDB_env* environment);

}  // namespace postern::store
