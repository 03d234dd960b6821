#include "store/why.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "store/administrators.hpp"
#include "store/entities.hpp"
#include "store/impl.hpp"
#include "store/tokens.hpp"
#include "store/users.hpp"

namespace postern::store {
namespace {

constexpr std::string_view user_mark = "user:", token_mark = "token:";

/// The permissions of roles and what else is asked about entities, in one snapshot.
class Resolver {
 public:
  explicit Resolver(policy::Catalog catalog) : catalog_(std::move(catalog)) {}

  [[nodiscard]] std::vector<HeldPermission> permissions(const Assignments& held) const {
    std::map<std::string, HeldPermission> found;
    for (const std::string& id : held.permissions) found[id].directly = true;
    for (const std::string& id : held.roles) {
      const auto* role = catalog_.find(EntityKind::role, catalog_.handle(EntityKind::role, id));
      if (role == nullptr) continue;
      role->permissions.for_each([&](Handle handle) {
        const auto* permission = catalog_.find(EntityKind::permission, handle);
        if (permission != nullptr) found[permission->id].roles.push_back(id);
      });
    }
    std::vector<HeldPermission> list;
    for (auto& [id, permission] : found) {
      permission.id = id;
      list.push_back(std::move(permission));
    }
    return list;
  }

  [[nodiscard]] std::vector<HeldLicense> licenses(const Assignments& held) const {
    std::vector<HeldLicense> list;
    for (const std::string& id : held.licenses) {
      const auto* license = catalog_.find(EntityKind::license, catalog_.handle(EntityKind::license, id));
      if (license != nullptr) list.push_back({id, license->enabled});
    }
    return list;
  }

 private:
  policy::Catalog catalog_;
};

bool usable(const User& user, UnixSeconds now) noexcept {
  return user.status == UserStatus::enabled ||
         (user.status == UserStatus::enabled_until && now < user.enabled_until);
}

TokenState state_of(const Token& token, OwnerState owner, UnixSeconds now) noexcept {
  SecretRecord record;
  record.enabled = token.enabled;
  record.canary = token.canary;
  record.not_before = token.not_before;
  record.expires = token.expires;
  record.owner = token.owner.empty() ? no_handle : Handle{1};
  return state_at(record, owner, now);
}

/// Who holds a permission, through indexes alone.
class Holders {
 public:
  Holders(const Transaction& transaction, const WhoCanQuery& query)
      : transaction_(transaction), query_(query) {}

  Result<WhoCan> run() {
    POSTERN_TRY(const Handle permission, handle_of(transaction_, EntityKind::permission, query_.permission));
    ways_.push_back({EntityKind::permission, permission});
    POSTERN_TRY_STATUS(each(transaction_.databases().role_holders, handle_key(permission).view(),
                            [&](std::string_view value) -> Status {
                              const auto role = handle_of_key(value);
                              if (!role) return corrupt("index of roles");
                              ways_.push_back({EntityKind::role, *role});
                              POSTERN_TRY(std::string id, names_.id(EntityKind::role, *role));
                              giving_.insert(std::move(id));
                              return {};
                            }));
    const std::string_view after = query_.after;
    if (after.starts_with(token_mark)) {
      POSTERN_TRY_STATUS(tokens(after.substr(token_mark.size())));
    } else if (after.empty() || after.starts_with(user_mark)) {
      POSTERN_TRY_STATUS(users(after.empty() ? after : after.substr(user_mark.size())));
      POSTERN_TRY_STATUS(tokens({}));
    } else {
      return Error{ErrorKind::invalid,
                   "the page starts after something that is neither user:ID nor token:ID"};
    }
    return std::move(found_);
  }

 private:
  [[nodiscard]] bool full() const noexcept {
    return query_.limit != 0 && found_.holders.size() >= query_.limit;
  }

  template <class Visit>
  Status each(MDB_dbi index, std::string_view key, Visit visit) {
    POSTERN_TRY(Cursor cursor, transaction_.cursor(index));
    POSTERN_TRY(bool more, cursor.at(key));
    while (more) {
      POSTERN_TRY_STATUS(visit(cursor.value()));
      POSTERN_TRY(more, cursor.next_of_key());
    }
    return {};
  }

  /// How somebody who holds this comes by the permission.
  [[nodiscard]] Holder describe(const Assignments& held) const {
    Holder holder;
    holder.directly = std::binary_search(held.permissions.begin(), held.permissions.end(), query_.permission);
    std::set_intersection(held.roles.begin(), held.roles.end(), giving_.begin(), giving_.end(),
                          std::back_inserter(holder.roles));
    for (const ResourceGrant& grant : held.grants)
      if (grant.permission == query_.permission) holder.resources.push_back(grant.resource);
    return holder;
  }

  Status users(std::string_view after) {
    std::map<std::string, Handle> ids;
    for (const Reference& way : ways_)
      POSTERN_TRY_STATUS(each(transaction_.databases().user_holders, reference_key(way).view(),
                              [&](std::string_view value) -> Status {
                                const auto handle = handle_of_key(value);
                                if (!handle) return corrupt("index of users");
                                POSTERN_TRY(std::string id, names_.user_id(*handle));
                                if (id > after) ids.emplace(std::move(id), *handle);
                                return {};
                              }));
    for (const auto& [id, handle] : ids) {
      if (full()) return {};
      POSTERN_TRY(const User user, find_user(transaction_, id));
      Holder holder = describe(user.assignments);
      holder.is_user = true;
      holder.id = id;
      holder.name = user.name;
      holder.state = usable(user, query_.now) ? TokenState::valid : TokenState::owner_disabled;
      POSTERN_TRY(holder.tokens,
                  transaction_.count(transaction_.databases().owned, handle_key(handle).view()));
      found_.holders.push_back(std::move(holder));
    }
    return {};
  }

  /// The index of each way is in order of id: the least of their next keys is the next token.
  Status tokens(std::string_view after) {
    const auto start = parse_token_id(after);
    if (!after.empty() && !start)
      return Error{ErrorKind::invalid, "the page starts after something that is no token id"};
    std::vector<Cursor> cursors;
    for (const Reference& way : ways_) {
      POSTERN_TRY(Cursor cursor, transaction_.cursor(transaction_.databases().token_holders));
      POSTERN_TRY(const bool any,
                  cursor.from(reference_key(way).view(), start ? start->view() : std::string_view{}));
      if (any) cursors.push_back(std::move(cursor));
    }
    while (!cursors.empty() && !full()) {
      const auto least = std::min_element(cursors.begin(), cursors.end(),
                                          [](const auto& a, const auto& b) { return a.value() < b.value(); });
      const auto key = token_key(least->value());
      if (!key) return corrupt("index of tokens");
      if (!start || *key != *start) {
        POSTERN_TRY(const StoredToken stored, load_token(transaction_, token_id_text(*key)));
        Holder holder = describe(stored.token.assignments);
        holder.id = stored.token.id;
        holder.name = stored.token.name;
        holder.state = state_of(stored.token, OwnerState::missing, query_.now);
        found_.holders.push_back(std::move(holder));
      }
      for (auto cursor = cursors.begin(); cursor != cursors.end();) {
        bool more = true;
        if (cursor->value() == key->view()) {
          POSTERN_TRY(more, cursor->next_of_key());
        }
        cursor = more ? cursor + 1 : cursors.erase(cursor);
      }
    }
    return {};
  }

  const Transaction& transaction_;
  const WhoCanQuery& query_;
  Names names_{transaction_};
  std::vector<Reference> ways_;   ///< the permission itself, and each role that gives it
  std::set<std::string> giving_;  ///< ids of those roles
  WhoCan found_;
};

}  // namespace

TokenState state_of(const Token& token, const User* owner, UnixSeconds now) noexcept {
  if (owner == nullptr) return state_of(token, OwnerState::missing, now);
  return state_of(token, usable(*owner, now) ? OwnerState::usable : OwnerState::unusable, now);
}

Result<TokenRights> Store::token_rights(std::string_view id, UnixSeconds now) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  POSTERN_TRY(StoredToken stored, load_token(transaction, id));
  TokenRights rights;
  rights.token = std::move(stored.token);
  rights.held = rights.token.assignments;
  OwnerState owner = OwnerState::missing;
  if (!rights.token.owner.empty()) {
    POSTERN_TRY(User user, find_user(transaction, rights.token.owner));
    owner = usable(user, now) ? OwnerState::usable : OwnerState::unusable;
    rights.owner_name = std::move(user.name);
    rights.held = std::move(user.assignments);
  }
  rights.state = state_of(rights.token, owner, now);
  POSTERN_TRY(policy::Catalog catalog, compile_catalog(transaction));
  const Resolver resolver(std::move(catalog));
  rights.permissions = resolver.permissions(rights.held);
  rights.licenses = resolver.licenses(rights.held);
  return rights;
}

Result<WhoCan> Store::who_can(const WhoCanQuery& query) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  return Holders(transaction, query).run();
}

}  // namespace postern::store
