#include "store/token_change.hpp"

#include <algorithm>
#include <ctime>
#include <map>
#include <unordered_set>

#include "store/administrators.hpp"
#include "store/change.hpp"
#include "store/entity_record.hpp"
#include "store/impl.hpp"
#include "store/tokens.hpp"

namespace postern::store {
namespace {

/// A token as the change leaves it. Whether that may be is for check_token() and to_rights() to say.
Result<Token> changed(const Transaction& transaction, const TokenChange& change, const Token& before) {
  Token after = before;
  if (change.name) after.name = *change.name;
  if (change.description) after.description = *change.description;
  if (change.not_before) after.not_before = *change.not_before;
  if (change.expires) after.expires = *change.expires;
  if (change.enabled) after.enabled = *change.enabled;
  if (change.owner) {
    after.owner = *change.owner;
    if (!after.owner.empty()) after.assignments = {};
  }
  if (change.set_networks) after.networks = *change.set_networks;
  for (const Network& network : change.add_networks)
    if (std::find(after.networks.begin(), after.networks.end(), network) == after.networks.end())
      after.networks.push_back(network);
  for (const Network& network : change.remove_networks) std::erase(after.networks, network);
  POSTERN_TRY_STATUS(change_assignments(transaction, change.assignments, after.assignments));
  return after;
}

std::string_view action_name(const Token& before, const Token& after) {
  Token switched = before;
  switched.enabled = after.enabled;
  if (!(switched == after)) return "token.update";
  return after.enabled ? "token.enable" : "token.disable";
}

Result<bool> update_token(Mutation& mutation, std::string_view id, const TokenChange& change) {
  POSTERN_TRY(const StoredToken stored, load_token(mutation.transaction(), id));
  POSTERN_TRY(const Token after, changed(mutation.transaction(), change, stored.token));
  if (after == stored.token) return false;
  POSTERN_TRY_STATUS(rewrite_token(mutation, stored, after));
  POSTERN_TRY_STATUS(mutation.record(action_name(stored.token, after), id, change_of(&stored.token, &after)));
  return true;
}

Status act(Mutation& mutation, std::string_view id, const TokenAction& action, std::string_view prefix,
           ActionReport& report) {
  switch (action.what) {
    case TokenAction::What::update: {
      POSTERN_TRY(const bool changed, update_token(mutation, id, action.change));
      ++(changed ? report.changed : report.unchanged);
      return {};
    }
    case TokenAction::What::rotate: {
      POSTERN_TRY(CreatedToken rotated, rotate_token(mutation, id, action.rotation, prefix));
      report.rotated.push_back(std::move(rotated));
      break;
    }
    case TokenAction::What::remove:
      POSTERN_TRY_STATUS(delete_token(mutation, id));
      break;
  }
  ++report.changed;
  return {};
}

/// An id twice would be refused halfway, or be given two secrets.
Status check_distinct(std::span<const std::string> ids) {
  std::unordered_set<std::string_view> seen;
  for (const std::string& id : ids)
    if (!seen.insert(id).second) return Error{ErrorKind::invalid, "token " + id + " is named twice"};
  return {};
}

/// Seats that many changes together would take, against those that are free.
class SeatDemand {
 public:
  void add(const std::vector<Reference>& before, const std::vector<Reference>& after) {
    for (const Reference& reference : after)
      if (reference.kind == EntityKind::license &&
          !std::binary_search(before.begin(), before.end(), reference))
        ++wanted_[reference.handle];
  }
  Status check(const Transaction& transaction) const {
    for (const auto& [license, wanted] : wanted_) {
      POSTERN_TRY(const auto bytes,
                  transaction.get(transaction.databases().licenses, handle_key(license).view()));
      EntityRecord record;
      if (!bytes || !decode(*bytes, record)) return corrupt("license " + std::to_string(license));
      if (record.max_subjects == 0) continue;
      POSTERN_TRY(const std::uint64_t taken, seats_taken(transaction, license));
      if (taken + wanted <= record.max_subjects) continue;
      return Error{ErrorKind::exhausted, "license " + std::string(record.id) + " has " +
                                             std::to_string(record.max_subjects) + " seats, " +
                                             std::to_string(taken) + " are taken and " +
                                             std::to_string(wanted) + " more would be"};
    }
    return {};
  }

 private:
  std::map<Handle, std::uint64_t> wanted_;
};

bool usable(const Token& token, UnixSeconds now) noexcept {
  return !token.canary && token.enabled && now >= token.not_before &&
         (token.expires == 0 || now < token.expires);
}

/// The rules of one token's change, without the change.
class ChangeCheck {
 public:
  ChangeCheck(const Transaction& transaction, const TokenAction& action, UnixSeconds now)
      : transaction_(transaction), action_(action), now_(now) {}

  Status add(std::string_view id) {
    POSTERN_TRY(const StoredToken stored, load_token(transaction_, id));
    switch (action_.what) {
      case TokenAction::What::remove:
        doubtful_.push_back(stored.key);
        break;
      case TokenAction::What::rotate:
        POSTERN_TRY_STATUS(check_rotation(action_.rotation, stored.token, now_));
        break;
      case TokenAction::What::update: {
        POSTERN_TRY(const Token after, changed(transaction_, action_.change, stored.token));
        if (after == stored.token) {
          ++report_.unchanged;
          return {};
        }
        POSTERN_TRY_STATUS(check_token(transaction_, after, rights_));
        seats_.add(stored.references, references(rights_));
        // Only what keeps role and owner is surely as good an administrator as before.
        const bool same = after.assignments.roles == stored.token.assignments.roles &&
                          after.owner == stored.token.owner && usable(after, now_);
        if (!same) doubtful_.push_back(stored.key);
        break;
      }
    }
    ++report_.changed;
    return {};
  }

  Result<ActionReport> finish(const Actor& actor) {
    POSTERN_TRY_STATUS(seats_.check(transaction_));
    if (doubtful_.empty() || actor.force) return std::move(report_);
    std::sort(doubtful_.begin(), doubtful_.end());
    POSTERN_TRY(const bool before, has_administrator(transaction_, now_));
    POSTERN_TRY(const bool after, has_administrator(transaction_, now_, doubtful_));
    if (before && !after)
      return Error{ErrorKind::conflict,
                   "this might lock out the last administrator; --force does it all the "
                   "same"};
    return std::move(report_);
  }

 private:
  const Transaction& transaction_;
  const TokenAction& action_;
  UnixSeconds now_;
  Rights rights_;
  SeatDemand seats_;
  std::vector<TokenKey> doubtful_;  ///< may be no administrators afterwards
  ActionReport report_;
};

}  // namespace

Status Store::update_token(const Actor& actor, std::string_view id, const TokenChange& change) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  POSTERN_TRY([[maybe_unused]] const bool changed, store::update_token(mutation, id, change));
  return mutation.finish();
}

Status Store::set_token_enabled(const Actor& actor, std::string_view id, bool enabled) {
  TokenChange change;
  change.enabled = enabled;
  return update_token(actor, id, change);
}

Result<ActionReport> Store::change_tokens(const Actor& actor, std::span<const std::string> ids,
                                          const TokenAction& action, Rehearse rehearse) {
  POSTERN_TRY_STATUS(check_distinct(ids));
  POSTERN_TRY(Mutation mutation, Mutation::begin(*impl_->environment, actor));
  ActionReport report;
  // So that no vector that grows leaves secrets behind in freed memory.
  if (action.what == TokenAction::What::rotate) report.rotated.reserve(ids.size());
  for (const std::string& id : ids)
    if (const auto done = act(mutation, id, action, impl_->token_prefix, report); !done)
      return done.error().message.find(id) == std::string::npos ? done.error().within("token " + id)
                                                                : done.error();
  if (action.what == TokenAction::What::rotate)
    POSTERN_TRY_STATUS(remember_prefix(mutation, impl_->token_prefix));
  const Status finished = rehearse == Rehearse::yes ? mutation.rehearse() : mutation.finish();
  if (!finished) return finished.error();
  return report;
}

Result<ActionReport> Store::check_change(const Actor& actor, std::span<const std::string> ids,
                                         const TokenAction& action) const {
  POSTERN_TRY_STATUS(check_distinct(ids));
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  ChangeCheck check(transaction, action, static_cast<UnixSeconds>(std::time(nullptr)));
  for (const std::string& id : ids)
    if (const auto done = check.add(id); !done)
      return done.error().message.find(id) == std::string::npos ? done.error().within("token " + id)
                                                                : done.error();
  return check.finish(actor);
}

Status Store::check_creation(std::span<const TokenSpec> specs) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  SeatDemand seats;
  Rights rights;
  for (const TokenSpec& spec : specs) {
    POSTERN_TRY_STATUS(check_token(transaction, to_token(spec), rights));
    seats.add({}, references(rights));
  }
  return seats.check(transaction);
}

}  // namespace postern::store
