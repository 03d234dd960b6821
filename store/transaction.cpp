#include "store/transaction.hpp"

#include <cerrno>
#include <string>

#include "store/bytes.hpp"
#include "store/environment.hpp"

namespace postern::store {
namespace {

MDB_val to_val(std::string_view bytes) noexcept {
  // LMDB's interface takes non-const pointers and writes through none of them.
  return {bytes.size(), const_cast<char*>(bytes.data())};
}
std::string_view to_view(const MDB_val& val) noexcept {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

}  // namespace

Error lmdb_error(int code, std::string_view doing) {
  const std::string what = "store: " + std::string(doing) + ": ";
  switch (code) {
    case MDB_MAP_FULL:
      return {
          ErrorKind::exhausted,
          what + "the store is full and nothing was changed; raise store_size_max and restart what uses it"};
    case MDB_TXN_FULL:
      return {ErrorKind::exhausted, what + "too much for one transaction; nothing was changed"};
    case ENOSPC:
    case EDQUOT:
      return {ErrorKind::exhausted, what + "no space left on the disk; nothing was changed"};
    case EIO:  // also what LMDB makes of a write that the disk took only the beginning of
      return {ErrorKind::unavailable, what + "the disk is full, or fails; nothing was changed"};
    case MDB_READERS_FULL:
      return {ErrorKind::unavailable, what + "too many readers at once (1024)"};
    case MDB_MAP_RESIZED:
      return {ErrorKind::unavailable,
              what +
                  "another process has grown the store beyond this one's store_size_max; "
                  "restart with the same store_size_max everywhere"};
    case EAGAIN:
      return {
          ErrorKind::unavailable,
          what +
              "another process with the same process id uses the store from another PID namespace; processes "
              "that share a store must share a PID namespace (shareProcessNamespace: true)"};
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
      return {ErrorKind::incompatible, what + "the file is not a postern store (" + mdb_strerror(code) + ")"};
    default:
      return {ErrorKind::unavailable, what + mdb_strerror(code)};
  }
}

Error corrupt(std::string_view what) {
  return {ErrorKind::unavailable, "store: corrupt record: " + std::string(what)};
}

Result<bool> Cursor::move(MDB_cursor_op operation, std::string_view key) {
  MDB_val found_key = to_val(key), found_value = {};
  const int code = mdb_cursor_get(cursor_.get(), &found_key, &found_value, operation);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return lmdb_error(code, "read");
  // After MDB_NEXT_DUP LMDB gives no key back.
  if (operation != MDB_NEXT_DUP) key_ = to_view(found_key);
  value_ = to_view(found_value);
  return true;
}

Result<bool> Cursor::at(std::string_view key, std::string_view value) {
  MDB_val found_key = to_val(key), found_value = to_val(value);
  const int code = mdb_cursor_get(cursor_.get(), &found_key, &found_value, MDB_GET_BOTH);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return lmdb_error(code, "read");
  key_ = key;
  value_ = value;
  return true;
}

Result<bool> Cursor::from(std::string_view key, std::string_view value) {
  if (value.empty()) return at(key);
  MDB_val found_key = to_val(key), found_value = to_val(value);
  const int code = mdb_cursor_get(cursor_.get(), &found_key, &found_value, MDB_GET_BOTH_RANGE);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return lmdb_error(code, "read");
  key_ = key;
  value_ = to_view(found_value);
  return true;
}

Result<std::uint64_t> Cursor::count() const {
  std::size_t count = 0;
  const int code = mdb_cursor_count(cursor_.get(), &count);
  if (code != 0) return lmdb_error(code, "read");
  return std::uint64_t{count};
}

Status Cursor::replace(std::string_view value) {
  const std::string key(key_);  // a value of another size moves what is on the page, and the key with it
  MDB_val key_bytes = to_val(key), bytes = to_val(value);
  const int code = mdb_cursor_put(cursor_.get(), &key_bytes, &bytes, MDB_CURRENT);
  if (code != 0) return lmdb_error(code, "write");
  return {};
}

Status Cursor::put(std::string_view key, std::string_view value) {
  MDB_val key_bytes = to_val(key), bytes = to_val(value);
  const int code = mdb_cursor_put(cursor_.get(), &key_bytes, &bytes, 0);
  if (code != 0) return lmdb_error(code, "write");
  return {};
}

Status Cursor::erase() {
  const int code = mdb_cursor_del(cursor_.get(), 0);
  if (code != 0) return lmdb_error(code, "write");
  return {};
}

Result<Transaction> Transaction::read(const Environment& environment) {
  MDB_txn* transaction = nullptr;
  const int code = mdb_txn_begin(environment.raw(), nullptr, MDB_RDONLY, &transaction);
  if (code != 0) return lmdb_error(code, "read");
  return Transaction(transaction, environment.databases());
}

Result<Transaction> Transaction::write(const Environment& environment) {
  MDB_txn* transaction = nullptr;
  const int code = mdb_txn_begin(environment.raw(), nullptr, 0, &transaction);
  if (code != 0) return lmdb_error(code, "write");
  return Transaction(transaction, environment.databases());
}

Result<std::optional<std::string_view>> Transaction::get(MDB_dbi database, std::string_view key) const {
  MDB_val wanted = to_val(key), found = {};
  const int code = mdb_get(transaction_.get(), database, &wanted, &found);
  if (code == MDB_NOTFOUND) return std::optional<std::string_view>{};
  if (code != 0) return lmdb_error(code, "read");
  return std::optional(to_view(found));
}

Status Transaction::put(MDB_dbi database, std::string_view key, std::string_view value) {
  MDB_val k = to_val(key), v = to_val(value);
  const int code = mdb_put(transaction_.get(), database, &k, &v, 0);
  if (code != 0) return lmdb_error(code, "write");
  return {};
}

Status Transaction::put_in_order(MDB_dbi database, std::string_view key, std::string_view value) {
  POSTERN_TRY(Cursor cursor, this->cursor(database));
  POSTERN_TRY(const bool any, cursor.last());
  if (!any || key <= cursor.key()) return put(database, key, value);
  MDB_val k = to_val(key), v = to_val(value);
  const int code = mdb_put(transaction_.get(), database, &k, &v, MDB_APPEND);
  if (code != 0) return lmdb_error(code, "write");
  return {};
}

Result<bool> Transaction::add(MDB_dbi database, std::string_view key, std::string_view value) {
  MDB_val k = to_val(key), v = to_val(value);
  const int code = mdb_put(transaction_.get(), database, &k, &v, MDB_NOOVERWRITE);
  if (code == MDB_KEYEXIST) return false;
  if (code != 0) return lmdb_error(code, "write");
  return true;
}

Status Transaction::erase(MDB_dbi database, std::string_view key) {
  MDB_val k = to_val(key);
  const int code = mdb_del(transaction_.get(), database, &k, nullptr);
  if (code != 0 && code != MDB_NOTFOUND) return lmdb_error(code, "write");
  return {};
}

Status Transaction::erase(MDB_dbi database, std::string_view key, std::string_view value) {
  MDB_val k = to_val(key), v = to_val(value);
  const int code = mdb_del(transaction_.get(), database, &k, &v);
  if (code != 0 && code != MDB_NOTFOUND) return lmdb_error(code, "write");
  return {};
}

Result<Cursor> Transaction::cursor(MDB_dbi database) const {
  MDB_cursor* cursor = nullptr;
  const int code = mdb_cursor_open(transaction_.get(), database, &cursor);
  if (code != 0) return lmdb_error(code, "read");
  return Cursor(cursor);
}

Result<std::uint64_t> Transaction::size(MDB_dbi database) const {
  MDB_stat stat = {};
  const int code = mdb_stat(transaction_.get(), database, &stat);
  if (code != 0) return lmdb_error(code, "read");
  return std::uint64_t{stat.ms_entries};
}

Result<std::uint64_t> Transaction::count(MDB_dbi database, std::string_view key) const {
  POSTERN_TRY(Cursor cursor, this->cursor(database));
  POSTERN_TRY(const bool found, cursor.at(key));
  if (!found) return std::uint64_t{0};
  return cursor.count();
}

Result<std::uint64_t> Transaction::number(std::string_view meta_key) const {
  POSTERN_TRY(const auto bytes, get(databases_->meta, meta_key));
  if (!bytes) return std::uint64_t{0};
  ByteReader reader(*bytes);
  const std::uint64_t value = reader.u64();
  if (!reader.complete()) return corrupt("meta " + std::string(meta_key));
  return value;
}

Status Transaction::set_number(std::string_view meta_key, std::uint64_t value) {
  ByteWriter writer;
  writer.u64(value);
  return put(databases_->meta, meta_key, writer.bytes());
}

Status Transaction::commit() {
  const int code = mdb_txn_commit(transaction_.release());
  if (code != 0) return lmdb_error(code, "write");
  return {};
}

}  // namespace postern::store
