#include "store/format.hpp"

#include <ctime>
#include <memory>

#include "store/audit.hpp"
#include "store/bytes.hpp"
#include "store/entity_record.hpp"
#include "store/environment.hpp"
#include "store/files.hpp"
#include "store/secret.hpp"
#include "store/transaction.hpp"

namespace postern::store {
namespace {

/// Opens every named database; with MDB_CREATE in `flags` makes them. An LMDB code.
int open_databases(MDB_txn* transaction, unsigned flags, Databases& databases) {
  for (const DatabaseName& database : database_names)
    if (const int code =
            mdb_dbi_open(transaction, database.name, database.flags | flags, &(databases.*database.handle));
        code != 0)
      return code;
  return 0;
}

/// Whether the environment holds nothing at all, so that it may become a store.
Result<bool> is_empty(MDB_txn* transaction) {
  MDB_dbi main = 0;
  if (const int code = mdb_dbi_open(transaction, nullptr, 0, &main); code != 0)
    return lmdb_error(code, "open");
  MDB_stat stat = {};
  if (const int code = mdb_stat(transaction, main, &stat); code != 0) return lmdb_error(code, "open");
  return stat.ms_entries == 0;
}

enum class Found { store, nothing };

/// Looks at what is there. On `store`, all databases are open and stay so once the transaction is committed.
Result<Found> look(MDB_txn* raw, Databases& databases) {
  const int code = mdb_dbi_open(raw, "meta", 0, &databases.meta);
  if (code == MDB_NOTFOUND || code == MDB_INCOMPATIBLE) {
    POSTERN_TRY(const bool empty, is_empty(raw));
    if (empty) return Found::nothing;
    return Error{ErrorKind::incompatible,
                 "store: the file belongs to another program, it is not a postern store"};
  }
  if (code != 0) return lmdb_error(code, "open");

  MDB_val key = {meta_key::format.size(), const_cast<char*>(meta_key::format.data())}, value = {};
  if (mdb_get(raw, databases.meta, &key, &value) != 0)
    return Error{ErrorKind::incompatible,
                 "store: the file belongs to another program, it is not a postern store"};
  ByteReader reader({static_cast<const char*>(value.mv_data), value.mv_size});
  const std::uint64_t format = reader.u64();
  if (!reader.complete() || format == 0) return corrupt("meta format");
  if (format > format_version)
    return Error{ErrorKind::incompatible, "store: made by a newer postern (format " + std::to_string(format) +
                                              "; this one reads " + std::to_string(format_version) + ")"};
  if (const int opened = open_databases(raw, 0, databases); opened != 0)
    return Error{ErrorKind::unavailable,
                 "store: a database is missing (" + std::string(mdb_strerror(opened)) + ")"};
  return Found::store;
}

Status add_reserved(Transaction& transaction, EntityKind kind, std::string_view id, std::string_view name,
                    std::string_view description) {
  constexpr Handle first = 1;
  EntityRecord record;
  record.kind = kind;
  record.id = id;
  record.name = name;
  record.description = description;
  record.reserved = true;
  POSTERN_TRY_STATUS(
      transaction.put(transaction.databases().entities(kind), handle_key(first).view(), encode(record)));
  POSTERN_TRY_STATUS(
      transaction.put(transaction.databases().ids, id_key(kind, id), handle_key(first).view()));
  return transaction.set_number(meta_key::next_entity(kind), first + 1);
}

/// Everything a new store holds.
Status fill(Transaction& transaction) {
  const auto now = static_cast<UnixSeconds>(std::time(nullptr));
  // Any 95 random bits would do; a token id is text, which reads well in a log.
  POSTERN_TRY(const std::string token_id, make_token_id());
  const std::string store_id = "store_" + token_id.substr(4);
  POSTERN_TRY_STATUS(transaction.set_number(meta_key::format, format_version));
  POSTERN_TRY_STATUS(transaction.put(transaction.databases().meta, meta_key::store_id, store_id));
  POSTERN_TRY_STATUS(transaction.set_number(meta_key::created, static_cast<std::uint64_t>(now)));
  POSTERN_TRY_STATUS(transaction.set_number(meta_key::catalog_version, 1));
  POSTERN_TRY_STATUS(transaction.set_number(meta_key::imported_secrets, 0));
  POSTERN_TRY_STATUS(transaction.set_number(meta_key::next_user, 1));
  for (const EntityKind kind : entity_kinds)
    POSTERN_TRY_STATUS(transaction.set_number(meta_key::next_entity(kind), 1));
  POSTERN_TRY_STATUS(add_reserved(transaction, EntityKind::group, reserved_group, "System",
                                  "Subjects that belong to the installation itself"));
  POSTERN_TRY_STATUS(
      add_reserved(transaction, EntityKind::role, reserved_role, "Administrator", "May use the admin API"));
  AuditEntry entry;
  entry.time = now;
  entry.actor = "process:postern";
  entry.action = "store.create";
  entry.target = store_id;
  entry.change = "{}";
  return append_audit(transaction, entry);
}

}  // namespace

Status open_format(MDB_env* environment, Databases& databases, bool create) {
  MDB_txn* raw = nullptr;
  if (const int code = mdb_txn_begin(environment, nullptr, MDB_RDONLY, &raw); code != 0)
    return lmdb_error(code, "open");
  Transaction reading(raw, databases);
  POSTERN_TRY(const Found found, look(raw, databases));
  if (found == Found::store) return reading.commit();  // committed, so that the handles stay open
  if (!create) return Error{ErrorKind::not_found, "store: the file is empty, there is no store yet"};

  { const Transaction ended = std::move(reading); }
  if (const int code = mdb_txn_begin(environment, nullptr, 0, &raw); code != 0)
    return lmdb_error(code, "make");
  Transaction writing(raw, databases);
  // Looked at again under the writer's lock: another process may have been first.
  POSTERN_TRY(const Found now, look(raw, databases));
  if (now == Found::nothing) {
    if (const int code = open_databases(raw, MDB_CREATE, databases); code != 0)
      return lmdb_error(code, "make");
    POSTERN_TRY_STATUS(fill(writing));
  }
  return writing.commit();
}

Result<UsageFile> open_usage_file(const std::string& file, std::uint64_t size_max, bool durable) {
  // A crash of the machine may take the last seconds of it, never the whole.
  POSTERN_TRY(MDB_env* const opened, open_file(file, {size_max, 2, durable, SyncMeta::no}));
  std::unique_ptr<MDB_env, decltype(&mdb_env_close)> environment(opened, &mdb_env_close);
  MDB_txn* raw = nullptr;
  if (const int code = mdb_txn_begin(opened, nullptr, 0, &raw); code != 0)
    return lmdb_error(code, "open " + file);
  Databases databases = {};
  Transaction transaction(raw, databases);
  UsageFile usage;
  for (const auto& [name, handle] : {std::pair{"meta", &databases.meta}, std::pair{"usage", &usage.usage}})
    if (const int code = mdb_dbi_open(raw, name, MDB_CREATE, handle); code != 0)
      return lmdb_error(code, "open " + file);
  ByteWriter format;
  format.u64(format_version);
  POSTERN_TRY(const bool is_new, transaction.add(databases.meta, meta_key::format, format.bytes()));
  POSTERN_TRY(const std::uint64_t found, transaction.number(meta_key::format));
  if (!is_new && (found == 0 || found > format_version))
    return Error{ErrorKind::incompatible, "store: " + file + " was made by a newer postern (format " +
                                              std::to_string(found) + "; this one reads " +
                                              std::to_string(format_version) + ")"};
  POSTERN_TRY_STATUS(transaction.commit());
  usage.environment = environment.release();
  return usage;
}

Status make_usage_file(const std::string& file, const OpenOptions& options) {
  POSTERN_TRY(const UsageFile made, open_usage_file(file, options.size_max, options.durable));
  mdb_env_close(made.environment);
  return {};
}

}  // namespace postern::store
