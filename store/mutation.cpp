#include "store/mutation.hpp"

#include <algorithm>
#include <ctime>
#include <iterator>

#include "conf/limits.hpp"
#include "store/administrators.hpp"
#include "store/audit.hpp"
#include "store/entity_record.hpp"
#include "store/environment.hpp"
#include "store/files.hpp"
#include "store/format.hpp"
#include "store/text.hpp"

namespace postern::store {
namespace {

/// Refuses one more holder of a license that has no seat left.
Status take_seat(const Transaction& transaction, Handle license) {
  POSTERN_TRY(const auto bytes,
              transaction.get(transaction.databases().licenses, handle_key(license).view()));
  EntityRecord record;
  if (!bytes || !decode(*bytes, record)) return corrupt("license " + std::to_string(license));
  if (record.max_subjects == 0) return {};
  POSTERN_TRY(const std::uint64_t taken, seats_taken(transaction, license));
  if (taken < record.max_subjects) return {};
  return Error{ErrorKind::exhausted, "license " + std::string(record.id) + " has " +
                                         std::to_string(record.max_subjects) + " seats and all are taken"};
}

}  // namespace

Mutation::Mutation(Transaction transaction, const Actor& actor)
    : transaction_(std::move(transaction)),
      actor_(actor),
      now_(static_cast<UnixSeconds>(std::time(nullptr))) {}

Result<std::string> declared_file(const Transaction& transaction) {
  POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().meta, meta_key::declared_in));
  return std::string(bytes.value_or(std::string_view{}));
}

Error declared_refusal(std::string_view file) {
  return {ErrorKind::conflict, "the store is declared (store.mode): change the catalog " + std::string(file) +
                                   " instead; a running server applies it when it changes, and so does: "
                                   "postern catalog apply " +
                                   std::string(file)};
}

Result<Mutation> Mutation::begin(const Environment& environment, const Actor& actor, Purpose purpose) {
  if (actor.name.empty()) return Error{ErrorKind::invalid, "the actor of a change has no name"};
  POSTERN_TRY_STATUS(check_text("the actor's name", actor.name, limits::name_bytes_max));
  POSTERN_TRY_STATUS(check_text("the reason", actor.reason, limits::description_bytes_max));
  // A process that died while it read pins every page freed since, so that each change would take new ones.
  POSTERN_TRY_STATUS(clear_dead_readers(environment.raw()));
  POSTERN_TRY(Transaction transaction, Transaction::write(environment));
  // Whoever held the lock may have compacted or restored the store: these files are then nobody's any more.
  if (!environment.is_in_place())
    return Error{ErrorKind::unavailable,
                 "store: it was replaced while we waited for it; nothing was changed, try again"};
  if (purpose == Purpose::change) {
    POSTERN_TRY(const std::string file, declared_file(transaction));
    if (!file.empty()) return declared_refusal(file);
  }
  return Mutation(std::move(transaction), actor);
}

Status Mutation::record(std::string_view action, std::string_view target, std::string_view change) {
  AuditEntry entry;
  entry.time = now_;
  entry.actor = actor_.name;
  entry.action = action;
  entry.target = target;
  entry.change = change;
  entry.reason = actor_.reason;
  recorded_ = true;
  return append_audit(transaction_, entry);
}

Result<Handle> Mutation::next_handle(std::string_view counter, std::uint64_t end) {
  POSTERN_TRY(const std::uint64_t next, transaction_.number(counter));
  if (next == 0) return corrupt("meta " + std::string(counter));
  if (next >= end)
    return Error{ErrorKind::exhausted, "all numbers for new ones are used up: at most " +
                                           std::to_string(end - 1) +
                                           " can ever be made, deleted ones included"};
  POSTERN_TRY_STATUS(transaction_.set_number(counter, next + 1));
  return static_cast<Handle>(next);
}

Status Mutation::count_imported(std::int64_t difference) {
  if (difference == 0) return {};
  POSTERN_TRY(const std::uint64_t count, transaction_.number(meta_key::imported_secrets));
  return transaction_.set_number(meta_key::imported_secrets, count + static_cast<std::uint64_t>(difference));
}

Status Mutation::move_holdings(MDB_dbi holders, std::string_view key, const std::vector<Reference>& before,
                               const std::vector<Reference>& after) {
  std::vector<Reference> gone, added;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(gone));
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(added));
  for (const Reference& reference : gone)
    POSTERN_TRY_STATUS(transaction_.erase(holders, reference_key(reference).view(), key));
  for (const Reference& reference : added) {
    if (reference.kind == EntityKind::license) POSTERN_TRY_STATUS(take_seat(transaction_, reference.handle));
    POSTERN_TRY_STATUS(transaction_.put(holders, reference_key(reference).view(), key));
  }
  return {};
}

Status Mutation::note_administrators() {
  if (had_administrator_) return {};
  POSTERN_TRY(had_administrator_, has_administrator(transaction_, now_));
  return {};
}

Status Mutation::finish() {
  if (!recorded_) return {};
  POSTERN_TRY_STATUS(prepare());
  return transaction_.commit();
}

Status Mutation::prepare() {
  if (had_administrator_ == true && !actor_.force) {
    POSTERN_TRY(const bool has, has_administrator(transaction_, now_));
    if (!has)
      return Error{ErrorKind::conflict,
                   "this would lock out the last administrator: no usable token would hold the role " +
                       std::string(reserved_role) + "; --force does it all the same"};
  }
  POSTERN_TRY_STATUS(sweep(*this));
  if (catalog_touched_) {
    POSTERN_TRY(const std::uint64_t version, transaction_.number(meta_key::catalog_version));
    POSTERN_TRY_STATUS(transaction_.set_number(meta_key::catalog_version, version + 1));
  }
  return {};
}

Result<std::uint64_t> seats_taken(const Transaction& transaction, Handle license) {
  const auto key = reference_key({EntityKind::license, license});
  POSTERN_TRY(const std::uint64_t users, transaction.count(transaction.databases().user_holders, key.view()));
  POSTERN_TRY(const std::uint64_t tokens,
              transaction.count(transaction.databases().token_holders, key.view()));
  return users + tokens;
}

}  // namespace postern::store
