#include "store/token_filter.hpp"

#include <algorithm>

#include "store/names.hpp"
#include "store/validity.hpp"

namespace postern::store {
namespace {

/// Beyond so many sets of tokens, reading all tokens is no slower.
constexpr std::size_t sources_max = 256;

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool contains_text(std::string_view text, std::string_view wanted) noexcept {
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

bool has(const HandleList& list, Handle handle) noexcept {
  const auto items = list.items();
  return std::binary_search(items.begin(), items.end(), handle);
}

/// The handles in a set of handles, ascending.
Result<std::vector<Handle>> handles_in(const Transaction& transaction, MDB_dbi index, std::string_view key) {
  std::vector<Handle> handles;
  POSTERN_TRY(Cursor cursor, transaction.cursor(index));
  POSTERN_TRY(bool more, cursor.at(key));
  while (more) {
    const auto handle = handle_of_key(cursor.value());
    if (!handle) return corrupt("index of holders");
    handles.push_back(*handle);
    POSTERN_TRY(more, cursor.next_of_key());
  }
  return handles;
}

}  // namespace

bool TokenFilter::empty() const noexcept {
  return name.empty() && owner.empty() && group.empty() && role.empty() && permission.empty() &&
         license.empty() && !state && expires_until == 0 && unused_since == 0;
}

Result<TokenMatcher> TokenMatcher::make(const Environment& environment, const Transaction& transaction,
                                        const TokenFilter& filter) {
  TokenMatcher matcher(transaction, filter);
  if (filter.unused_since != 0) {
    POSTERN_TRY(matcher.usage_, UsageSnapshot::open(environment));
  }
  if (!filter.owner.empty()) {
    POSTERN_TRY(matcher.owner_, user_handle_of(transaction, filter.owner));
  }
  const auto look_up = [&](EntityKind kind, const std::string& id, Handle& handle) -> Status {
    if (id.empty()) return {};
    POSTERN_TRY(handle, handle_of(transaction, kind, id));
    return {};
  };
  POSTERN_TRY_STATUS(look_up(EntityKind::group, filter.group, matcher.group_));
  POSTERN_TRY_STATUS(look_up(EntityKind::role, filter.role, matcher.role_));
  POSTERN_TRY_STATUS(look_up(EntityKind::license, filter.license, matcher.license_));
  POSTERN_TRY_STATUS(look_up(EntityKind::permission, filter.permission, matcher.permission_));
  if (matcher.permission_ != no_handle) {
    POSTERN_TRY(matcher.giving_, handles_in(transaction, transaction.databases().role_holders,
                                            handle_key(matcher.permission_).view()));
  }
  return matcher;
}

bool TokenMatcher::holds(const Rights& rights) const noexcept {
  if (group_ != no_handle && !has(rights.groups, group_)) return false;
  if (role_ != no_handle && !has(rights.roles, role_)) return false;
  if (license_ != no_handle && !has(rights.licenses, license_)) return false;
  if (permission_ == no_handle || has(rights.permissions, permission_)) return true;
  const auto grants = rights.grants.items();
  return std::any_of(giving_.begin(), giving_.end(), [&](Handle role) { return has(rights.roles, role); }) ||
         std::any_of(grants.begin(), grants.end(),
                     [&](const policy::Grant& grant) { return grant.permission == permission_; });
}

Result<TokenMatcher::OwnerFacts> TokenMatcher::owner(Handle handle) {
  if (const auto known = owners_.find(handle); known != owners_.end()) return known->second;
  OwnerFacts facts;
  POSTERN_TRY(const auto bytes, transaction_.get(transaction_.databases().users, handle_key(handle).view()));
  if (bytes) {
    if (!decode(*bytes, user_)) return corrupt("user " + std::to_string(handle));
    facts.holds = holds(user_.rights);
    facts.state = usable_at(user_, filter_.now) ? OwnerState::usable : OwnerState::unusable;
  }
  owners_.emplace(handle, facts);
  return facts;
}

Result<bool> TokenMatcher::matches(const SecretRecord& token) {
  if (owner_ != no_handle && token.owner != owner_) return false;
  if (filter_.expires_until != 0 &&
      (token.expires == 0 || token.expires <= filter_.expires_after || token.expires > filter_.expires_until))
    return false;
  if (!filter_.name.empty() && !contains_text(token.name, filter_.name)) return false;
  OwnerFacts facts;
  if (token.owner != no_handle) {
    POSTERN_TRY(facts, owner(token.owner));
  }
  if (!(token.owner == no_handle ? holds(token.rights) : facts.holds)) return false;
  if (filter_.state && state_at(token, facts.state, filter_.now) != *filter_.state) return false;
  return filter_.unused_since == 0 ? Result<bool>(true) : unused(token.token);
}

Result<bool> TokenMatcher::unused(const TokenKey& token) const {
  POSTERN_TRY(const auto usage, usage_->of(token));
  if (usage) return usage->last < filter_.unused_since;
  POSTERN_TRY(const auto bytes, transaction_.get(transaction_.databases().tokens, token.view()));
  TokenRecord detail;
  if (!bytes || !decode(*bytes, detail)) return corrupt("details of " + token_id_text(token));
  return detail.created < filter_.unused_since;
}

Result<std::optional<std::vector<KeySet>>> TokenMatcher::sources() const {
  const Databases& databases = transaction_.databases();
  std::optional<std::vector<KeySet>> sets;
  if (owner_ != no_handle) {
    sets.emplace();
    sets->push_back({databases.owned, std::string(handle_key(owner_).view())});
    return sets;
  }
  // One of the conditions is enough to lead to few; the others are asked of each.
  std::vector<Reference> held;
  if (license_ != no_handle) {
    held.push_back({EntityKind::license, license_});
  } else if (role_ != no_handle) {
    held.push_back({EntityKind::role, role_});
  } else if (group_ != no_handle) {
    held.push_back({EntityKind::group, group_});
  } else if (permission_ != no_handle) {
    held.push_back({EntityKind::permission, permission_});
    for (const Handle role : giving_) held.push_back({EntityKind::role, role});
  } else {
    return sets;
  }
  sets.emplace();
  for (const Reference& reference : held) {
    const std::string key(reference_key(reference).view());
    POSTERN_TRY(const std::uint64_t users, transaction_.count(databases.user_holders, key));
    if (sets->size() + users + 1 > sources_max) return std::optional<std::vector<KeySet>>{};
    sets->push_back({databases.token_holders, key});
    POSTERN_TRY(const std::vector<Handle> owners, handles_in(transaction_, databases.user_holders, key));
    for (const Handle owner : owners)
      sets->push_back({databases.owned, std::string(handle_key(owner).view())});
  }
  return sets;
}

std::optional<TokenMatcher::Period> TokenMatcher::period() const noexcept {
  if (filter_.expires_until != 0) return Period{filter_.expires_after + 1, filter_.expires_until};
  if (filter_.state == TokenState::expired) return Period{1, filter_.now};
  return std::nullopt;
}

}  // namespace postern::store
