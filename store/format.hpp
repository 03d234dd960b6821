// What a store is made with, and whether a file is one that we may touch.

#pragma once

#include <lmdb.h>
#include <string>

#include "conf/result.hpp"
#include "store/layout.hpp"
#include "store/store.hpp"

namespace postern::store {

/// Opens the named databases of a state file. An empty file becomes a store when `create` is set: databases,
/// meta, the reserved group and role, and the first audit record, in one transaction. Errors: incompatible
/// (not ours, or a newer format), not_found (empty and not `create`), unavailable.
[[nodiscard]] Status open_format(MDB_env* environment, Databases& databases, bool create);

struct UsageFile;
/// Opens the usage file, with its databases where they are missing; what is there stays. Errors: incompatible
/// (not ours, or a newer format), unavailable.
[[nodiscard]] Result<UsageFile> open_usage_file(const std::string& file, std::uint64_t size_max,
                                                bool durable);
/// Only makes it.
[[nodiscard]] Status make_usage_file(const std::string& file, const OpenOptions& options);

inline constexpr std::string_view reserved_group = "postern.system";
inline constexpr std::string_view reserved_role = "postern.admin";

}  // namespace postern::store
