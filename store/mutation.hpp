// One change of the store: a write transaction with its audit record. Nothing happened until finish() says
// so.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/rights.hpp"
#include "store/store.hpp"
#include "store/transaction.hpp"

namespace postern::store {

class Mutation {
 public:
  /// What a declared store still admits: applying its catalog, and what the store does to itself.
  enum class Purpose : bool { change = false, upkeep = true };
  /// Waits for other writers. Errors: invalid (an actor or reason that may not stand in the log), conflict (a
  /// change of a declared store), unavailable.
  [[nodiscard]] static Result<Mutation> begin(const Environment& environment, const Actor& actor,
                                              Purpose purpose = Purpose::change);

  [[nodiscard]] Transaction& transaction() noexcept { return transaction_; }
  [[nodiscard]] const Databases& databases() const noexcept { return transaction_.databases(); }
  /// Seconds, the same throughout.
  [[nodiscard]] UnixSeconds now() const noexcept { return now_; }

  /// Appends the audit record of a change. `change` is a JSON object.
  [[nodiscard]] Status record(std::string_view action, std::string_view target, std::string_view change);
  /// Takes the next handle of a kind. Handles are never given out twice. Errors: exhausted.
  [[nodiscard]] Result<Handle> next_handle(std::string_view counter, std::uint64_t end);
  /// Tells every reader to compile its catalog anew.
  void touch_catalog() noexcept { catalog_touched_ = true; }
  /// To be called before anything that may leave no usable administrator; finish() then compares.
  [[nodiscard]] Status note_administrators();
  /// Counts secrets that do not have our form up or down.
  [[nodiscard]] Status count_imported(std::int64_t difference);

  /// Changes what a user or a token holds, in the indexes: `key` is the holder's, `holders` one of
  /// `token_holders`, `user_holders`. Every new license must have a seat free. Errors: exhausted (seats).
  [[nodiscard]] Status move_holdings(MDB_dbi holders, std::string_view key,
                                     const std::vector<Reference>& before,
                                     const std::vector<Reference>& after);

  /// Commits. Does a bounded part of what deleted entities have left behind first, if something was recorded.
  /// Errors: conflict (there was a usable administrator before and there is none now, unless forced).
  [[nodiscard]] Status finish();
  /// All that finish() does but the commit; nothing has happened afterwards.
  [[nodiscard]] Status rehearse() { return prepare(); }

 private:
  Mutation(Transaction transaction, const Actor& actor);

  [[nodiscard]] Status prepare();

  Transaction transaction_;
  Actor actor_;
  UnixSeconds now_;
  bool catalog_touched_ = false;
  bool recorded_ = false;
  std::optional<bool> had_administrator_;  ///< known once noted
};

/// The catalog file that a declared store gets its contents from; empty for one that is managed by commands.
[[nodiscard]] Result<std::string> declared_file(const Transaction& transaction);
/// Seats of a subject license in use: users and tokens that hold it, disabled ones included.
[[nodiscard]] Result<std::uint64_t> seats_taken(const Transaction& transaction, Handle license);

/// Takes deleted entities out of at most limits::sweep_records_max records that still refer to them.
[[nodiscard]] Status sweep(Mutation& mutation);

}  // namespace postern::store
