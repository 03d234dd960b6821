// Whether everything in a store agrees. One pass over each database in one snapshot, in memory that does not
// grow with the store: every index entry that a record calls for is looked up, and when all are there and the
// index has exactly as many entries, the index holds nothing else.

#include <map>
#include <set>

#include "store/audit.hpp"
#include "store/entities.hpp"
#include "store/format.hpp"
#include "store/impl.hpp"
#include "store/subject_record.hpp"
#include "store/token_index.hpp"
#include "store/usage.hpp"

namespace postern::store {
namespace {

constexpr std::size_t problems_max = 100;

/// Looks every expected pair up in one index and counts them.
class IndexCheck {
 public:
  static Result<IndexCheck> over(const Transaction& transaction, MDB_dbi index, const char* name) {
    POSTERN_TRY(Cursor cursor, transaction.cursor(index));
    POSTERN_TRY(const std::uint64_t size, transaction.size(index));
    return IndexCheck(std::move(cursor), name, size);
  }
  /// Whether the pair is there.
  Result<bool> expect(std::string_view key, std::string_view value) {
    POSTERN_TRY(const bool found, cursor_.at(key, value));
    found_ += found;
    return found;
  }
  [[nodiscard]] bool has_more() const noexcept { return found_ != size_; }
  [[nodiscard]] const char* name() const noexcept { return name_; }

 private:
  IndexCheck(Cursor cursor, const char* name, std::uint64_t size)
      : cursor_(std::move(cursor)), name_(name), size_(size) {}
  Cursor cursor_;
  const char* name_;
  std::uint64_t size_;
  std::uint64_t found_ = 0;
};

class Verifier {
 public:
  explicit Verifier(const Transaction& transaction)
      : transaction_(transaction), databases_(transaction.databases()) {}

  Result<VerifyReport> run() {
    POSTERN_TRY_STATUS(check_entities());
    POSTERN_TRY_STATUS(check_users());
    POSTERN_TRY_STATUS(check_tokens());
    POSTERN_TRY_STATUS(check_secrets());
    POSTERN_TRY_STATUS(check_indexes());
    POSTERN_TRY_STATUS(check_seats());
    POSTERN_TRY_STATUS(check_log());
    return std::move(report_);
  }

 private:
  void problem(std::string sentence) {
    if (report_.problems.size() < problems_max) report_.problems.push_back(std::move(sentence));
    if (report_.problems.size() == problems_max)
      report_.problems.push_back("there are more problems than these");
  }

  /// Calls `visit` for every record of a database.
  template <class Visit>
  Status each(MDB_dbi database, Visit visit) {
    POSTERN_TRY(Cursor cursor, transaction_.cursor(database));
    POSTERN_TRY(bool more, cursor.first());
    while (more) {
      POSTERN_TRY_STATUS(visit(cursor.key(), cursor.value()));
      POSTERN_TRY(more, cursor.next());
    }
    return {};
  }

  /// One pair that a record calls for.
  Status expect(IndexCheck& index, std::string_view key, std::string_view value, const std::string& owner) {
    POSTERN_TRY(const bool found, index.expect(key, value));
    if (!found) problem(owner + " is missing from the index " + index.name());
    return {};
  }

  /// A reference is good when the entity exists, or once did and is being swept.
  Status check_reference(const Reference& reference, const std::string& owner) {
    POSTERN_TRY(const auto entity,
                transaction_.get(databases_.entities(reference.kind), handle_key(reference.handle).view()));
    if (entity) return {};
    POSTERN_TRY(const auto swept, transaction_.get(databases_.sweeps, reference_key(reference).view()));
    if (swept) return {};
    problem(owner + " refers to " + std::string(policy::to_string(reference.kind)) + " number " +
            std::to_string(reference.handle) + ", which never existed or is forgotten");
    return {};
  }

  Status check_holdings(IndexCheck& index, const Rights& rights, std::string_view key,
                        const std::string& owner) {
    for (const Reference& reference : references(rights)) {
      POSTERN_TRY_STATUS(check_reference(reference, owner));
      POSTERN_TRY_STATUS(expect(index, reference_key(reference).view(), key, owner));
    }
    return {};
  }

  Status check_id(std::string_view id_key, std::string_view handle, const std::string& owner) {
    POSTERN_TRY(const auto found, transaction_.get(databases_.ids, id_key));
    if (found && *found == handle) {
      ++ids_found_;
    } else {
      problem(owner + " is not found by its id");
    }
    return {};
  }

  Status check_handle(std::string_view counter, std::string_view key, const std::string& owner) {
    POSTERN_TRY(const std::uint64_t next, transaction_.number(counter));
    const auto handle = handle_of_key(key);
    if (!handle || *handle == no_handle || *handle >= next)
      problem(owner + " has a number that was never given out");
    return {};
  }

  Status check_entities() {
    POSTERN_TRY(IndexCheck holders, IndexCheck::over(transaction_, databases_.role_holders, "role_holders"));
    std::uint64_t* const counts[] = {&report_.permissions, &report_.roles, &report_.groups,
                                     &report_.licenses};
    std::size_t i = 0;
    for (const EntityKind kind : entity_kinds) {
      std::uint64_t& count = *counts[i++];
      const auto check = [&](std::string_view key, std::string_view value) -> Status {
        ++count;
        EntityRecord record;
        if (!decode(value, record) || record.kind != kind) {
          problem("a record of " + std::string(policy::to_string(kind)) + "s does not decode");
          return {};
        }
        const std::string owner = std::string(policy::to_string(kind)) + " " + std::string(record.id);
        POSTERN_TRY_STATUS(check_id(id_key(kind, record.id), key, owner));
        POSTERN_TRY_STATUS(check_handle(meta_key::next_entity(kind), key, owner));
        for (const Handle permission : record.permissions) {
          POSTERN_TRY_STATUS(check_reference({EntityKind::permission, permission}, owner));
          POSTERN_TRY_STATUS(expect(holders, handle_key(permission).view(), key, owner));
        }
        return {};
      };
      POSTERN_TRY_STATUS(each(databases_.entities(kind), check));
    }
    if (holders.has_more()) problem("the index role_holders names roles that hold no such permission");
    return check_reserved();
  }

  Status check_reserved() {
    for (const auto& [kind, id] :
         {std::pair{EntityKind::group, reserved_group}, {EntityKind::role, reserved_role}}) {
      POSTERN_TRY(const auto found, transaction_.get(databases_.ids, id_key(kind, id)));
      if (!found)
        problem("the reserved " + std::string(policy::to_string(kind)) + " " + std::string(id) +
                " is missing");
    }
    return {};
  }

  Status check_users() {
    POSTERN_TRY(IndexCheck holders, IndexCheck::over(transaction_, databases_.user_holders, "user_holders"));
    const auto check = [&](std::string_view key, std::string_view value) -> Status {
      ++report_.users;
      if (!decode(value, user_)) {
        problem("a record of users does not decode");
        return {};
      }
      const std::string owner = "user " + std::string(user_.id);
      POSTERN_TRY_STATUS(check_id(user_id_key(user_.id), key, owner));
      POSTERN_TRY_STATUS(check_handle(meta_key::next_user, key, owner));
      return check_holdings(holders, user_.rights, key, owner);
    };
    POSTERN_TRY_STATUS(each(databases_.users, check));
    if (holders.has_more()) problem("the index user_holders names users that hold no such thing");
    POSTERN_TRY(const std::uint64_t ids, transaction_.size(databases_.ids));
    if (ids != ids_found_) problem("there are ids that lead nowhere");
    return {};
  }

  /// From the token to its secret.
  Status check_tokens() {
    return each(databases_.tokens, [&](std::string_view key, std::string_view value) -> Status {
      ++report_.tokens;
      TokenRecord detail;
      const auto token = token_key(key);
      if (!token || !decode(value, detail)) {
        problem("a record of tokens does not decode");
        return {};
      }
      POSTERN_TRY(const auto bytes, transaction_.get(databases_.secrets, detail.hash.view()));
      const bool whole =
          bytes && decode(*bytes, secret_) && secret_.state == SecretState::active && secret_.token == *token;
      if (!whole) problem("the secret of token " + token_id_text(*token) + " is missing or another's");
      return {};
    });
  }

  /// From the secret to its token, and to everything that a token refers to.
  Status check_secrets() {
    POSTERN_TRY(IndexCheck holders,
                IndexCheck::over(transaction_, databases_.token_holders, "token_holders"));
    POSTERN_TRY(IndexCheck owned, IndexCheck::over(transaction_, databases_.owned, "owned"));
    POSTERN_TRY(IndexCheck expiries, IndexCheck::over(transaction_, databases_.expiries, "expiries"));
    POSTERN_TRY(IndexCheck rotated, IndexCheck::over(transaction_, databases_.rotated, "rotated"));
    std::uint64_t imported = 0;
    const auto check = [&](std::string_view key, std::string_view value) -> Status {
      if (!decode(value, secret_)) {
        problem("a record of secrets does not decode");
        return {};
      }
      imported += secret_.imported;
      const std::string owner = "token " + token_id_text(secret_.token);
      POSTERN_TRY(const auto detail_bytes, transaction_.get(databases_.tokens, secret_.token.view()));
      TokenRecord detail;
      if (!detail_bytes || !decode(*detail_bytes, detail)) {
        problem("a secret belongs to " + owner + ", which does not exist");
        return {};
      }
      const bool current = detail.hash.view() == key;
      if (current != (secret_.state == SecretState::active)) problem(owner + " has a secret too many");
      if (secret_.state == SecretState::rotated)
        return expect(rotated, secret_.token.view(), rotated_entry(secret_.rotated_at, to_hash(key)).view(),
                      owner);
      return check_active(holders, owned, expiries, owner);
    };
    POSTERN_TRY_STATUS(each(databases_.secrets, check));
    for (const IndexCheck* index : {&holders, &owned, &expiries, &rotated})
      if (index->has_more())
        problem("the index " + std::string(index->name()) + " has entries that no token calls for");
    POSTERN_TRY(const std::uint64_t counted, transaction_.number(meta_key::imported_secrets));
    if (imported != counted)
      problem("there are " + std::to_string(imported) + " imported secrets, not " + std::to_string(counted));
    return {};
  }

  static SecretHash to_hash(std::string_view key) noexcept {
    SecretHash hash;
    key.copy(reinterpret_cast<char*>(hash.bytes), sizeof hash.bytes);
    return hash;
  }

  Status check_active(IndexCheck& holders, IndexCheck& owned, IndexCheck& expiries,
                      const std::string& owner) {
    const TokenKey token = secret_.token;
    if (secret_.owner != no_handle) {
      POSTERN_TRY(const auto user, transaction_.get(databases_.users, handle_key(secret_.owner).view()));
      if (!user) problem("the owner of " + owner + " does not exist");
      POSTERN_TRY_STATUS(expect(owned, handle_key(secret_.owner).view(), token.view(), owner));
    }
    if (secret_.expires != 0) {
      const ExpiryEntry entry = expiry_entry(token, secret_.expires);
      POSTERN_TRY_STATUS(expect(expiries, entry.day.view(), entry.value.view(), owner));
    }
    return check_holdings(holders, secret_.rights, token.view(), owner);
  }

  /// Entities that are being swept are gone from the catalog.
  Status check_indexes() {
    return each(databases_.sweeps, [&](std::string_view key, std::string_view) -> Status {
      const auto reference = reference_of_key(key);
      if (!reference) {
        problem("a record of sweeps does not decode");
        return {};
      }
      POSTERN_TRY(const auto entity, transaction_.get(databases_.entities(reference->kind),
                                                      handle_key(reference->handle).view()));
      if (entity)
        problem("a " + std::string(policy::to_string(reference->kind)) + " is being swept, but exists");
      return {};
    });
  }

  Status check_seats() {
    return each(databases_.licenses, [&](std::string_view key, std::string_view value) -> Status {
      EntityRecord record;
      const auto handle = handle_of_key(key);
      if (!handle || !decode(value, record) || record.max_subjects == 0) return {};
      POSTERN_TRY(const std::uint64_t taken, seats_taken(transaction_, *handle));
      if (taken > record.max_subjects)
        problem("license " + std::string(record.id) + " has " + std::to_string(record.max_subjects) +
                " seats, but " + std::to_string(taken) + " are taken");
      return {};
    });
  }

  Status check_log() {
    POSTERN_TRY(report_.audit_records, transaction_.size(databases_.audit));
    POSTERN_TRY(AuditVerdict verdict, verify_audit(transaction_));
    if (verdict.broken != 0) problem(std::move(verdict.problem));
    return {};
  }

  const Transaction& transaction_;
  const Databases& databases_;
  VerifyReport report_;
  std::uint64_t ids_found_ = 0;
  SecretRecord secret_;
  UserRecord user_;
};

}  // namespace

Result<VerifyReport> Store::verify() const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  POSTERN_TRY(VerifyReport report, Verifier(transaction).run());
  POSTERN_TRY(const std::uint64_t broken, count_broken_usages(*impl_->environment));
  if (broken != 0)
    report.problems.push_back("of uses of tokens, " + std::to_string(broken) + " records do not decode");
  return report;
}

}  // namespace postern::store
