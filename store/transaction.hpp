// LMDB's transactions and cursors, with ownership and our errors. All views point into the map: those of a
// read transaction are good until it ends, those of a write transaction until its next put or erase.

#pragma once

#include <cstdint>
#include <lmdb.h>
#include <memory>
#include <optional>
#include <string_view>

#include "conf/result.hpp"
#include "store/layout.hpp"

namespace postern::store {

class Environment;

/// An LMDB code as an error with a sentence; `doing` says what was tried ("open", "write").
[[nodiscard]] Error lmdb_error(int code, std::string_view doing);

/// A record that does not decode, or that should be there and is not.
[[nodiscard]] Error corrupt(std::string_view what);

/// Walks over one database in order of its keys. Ends before its transaction.
class Cursor {
 public:
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  [[nodiscard]] std::string_view value() const noexcept { return value_; }

  /// Each moves and says whether there is something there. `next` goes through the values of one key too.
  [[nodiscard]] Result<bool> first() { return move(MDB_FIRST); }
  [[nodiscard]] Result<bool> last() { return move(MDB_LAST); }
  [[nodiscard]] Result<bool> next() { return move(MDB_NEXT); }
  [[nodiscard]] Result<bool> next_of_key() { return move(MDB_NEXT_DUP); }
  [[nodiscard]] Result<bool> at(std::string_view key) { return move(MDB_SET_KEY, key); }
  /// The first key that is not before `key`.
  [[nodiscard]] Result<bool> from(std::string_view key) { return move(MDB_SET_RANGE, key); }
  /// The first value of a key that is not before `value`, in a database of sets. Empty: the key's first.
  [[nodiscard]] Result<bool> from(std::string_view key, std::string_view value);
  /// Whether exactly this pair is there, in a database of sets.
  [[nodiscard]] Result<bool> at(std::string_view key, std::string_view value);
  /// How many values the current key has, without visiting them.
  [[nodiscard]] Result<std::uint64_t> count() const;
  /// Gives the current key another value. One of the same size is written over the old one, without a search.
  [[nodiscard]] Status replace(std::string_view value);
  /// As Transaction::put(). What follows the last key on its page needs no search from the root.
  [[nodiscard]] Status put(std::string_view key, std::string_view value);
  /// Erases the current pair; next() then goes to the one after it.
  [[nodiscard]] Status erase();

 private:
  friend class Transaction;
  struct Close {
    void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
  };
  explicit Cursor(MDB_cursor* cursor) : cursor_(cursor) {}
  [[nodiscard]] Result<bool> move(MDB_cursor_op operation, std::string_view key = {});

  std::unique_ptr<MDB_cursor, Close> cursor_;
  std::string_view key_, value_;
};

/// A read or write transaction. It ends without effect unless committed. The environment outlives it.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> read(const Environment& environment);
  /// Waits for the writer of any other process or thread.
  [[nodiscard]] static Result<Transaction> write(const Environment& environment);

  /// Takes over a transaction that was begun by hand.
  Transaction(MDB_txn* transaction, const Databases& databases)
      : transaction_(transaction), databases_(&databases) {}

  [[nodiscard]] const Databases& databases() const noexcept { return *databases_; }
  [[nodiscard]] MDB_txn* raw() const noexcept { return transaction_.get(); }

  [[nodiscard]] Result<std::optional<std::string_view>> get(MDB_dbi database, std::string_view key) const;
  [[nodiscard]] Status put(MDB_dbi database, std::string_view key, std::string_view value);
  /// The same. A key behind all others begins a new page when the last one is full, instead of leaving two
  /// half full: what comes in order takes half the space.
  [[nodiscard]] Status put_in_order(MDB_dbi database, std::string_view key, std::string_view value);
  /// False when the key is there already; nothing is changed then. Not for databases of sets: there put()
  /// adds a pair.
  [[nodiscard]] Result<bool> add(MDB_dbi database, std::string_view key, std::string_view value);
  /// What is not there is erased already. Without a value, all values of the key go.
  [[nodiscard]] Status erase(MDB_dbi database, std::string_view key);
  [[nodiscard]] Status erase(MDB_dbi database, std::string_view key, std::string_view value);
  [[nodiscard]] Result<Cursor> cursor(MDB_dbi database) const;
  /// Records of a database; in one of sets, pairs.
  [[nodiscard]] Result<std::uint64_t> size(MDB_dbi database) const;
  /// How many values a key has in a database of sets.
  [[nodiscard]] Result<std::uint64_t> count(MDB_dbi database, std::string_view key) const;

  /// A number of `meta`, 0 when it was never set.
  [[nodiscard]] Result<std::uint64_t> number(std::string_view meta_key) const;
  [[nodiscard]] Status set_number(std::string_view meta_key, std::uint64_t value);

  [[nodiscard]] Status commit();

 private:
  struct Abort {
    void operator()(MDB_txn* transaction) const noexcept { mdb_txn_abort(transaction); }
  };
  std::unique_ptr<MDB_txn, Abort> transaction_;
  const Databases* databases_;
};

}  // namespace postern::store
