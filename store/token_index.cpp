#include "store/token_index.hpp"

#include <algorithm>
#include <vector>

#include "conf/limits.hpp"
#include "store/tokens.hpp"

namespace postern::store {
namespace {

constexpr UnixSeconds day_seconds = 86'400;
constexpr std::size_t time_bytes = 8;

/// The hashes of a token's old secrets, the oldest first.
Result<std::vector<SecretHash>> rotated_hashes(const Transaction& transaction, const TokenKey& key) {
  std::vector<SecretHash> hashes;
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().rotated));
  POSTERN_TRY(bool more, cursor.at(key.view()));
  while (more) {
    SecretHash hash;
    if (cursor.value().size() != time_bytes + sizeof hash.bytes) return corrupt("index of rotated secrets");
    const std::string_view bytes = cursor.value().substr(time_bytes);
    std::copy(bytes.begin(), bytes.end(), hash.bytes);
    hashes.push_back(hash);
    POSTERN_TRY(more, cursor.next_of_key());
  }
  return hashes;
}

Status read_rotated(const Transaction& transaction, const SecretHash& hash, SecretRecord& record) {
  POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().secrets, hash.view()));
  if (bytes && decode(*bytes, record) && record.state == SecretState::rotated) return {};
  return corrupt("rotated secret");
}

Status forget(Mutation& mutation, const TokenKey& key, const SecretHash& hash) {
  SecretRecord record;
  POSTERN_TRY_STATUS(read_rotated(mutation.transaction(), hash, record));
  const auto entry = rotated_entry(record.rotated_at, hash);
  if (record.imported) POSTERN_TRY_STATUS(mutation.count_imported(-1));
  POSTERN_TRY_STATUS(mutation.transaction().erase(mutation.databases().rotated, key.view(), entry.view()));
  return mutation.transaction().erase(mutation.databases().secrets, hash.view());
}

}  // namespace

Status move_owner(Transaction& transaction, const TokenKey& key, Handle before, Handle after) {
  if (before == after) return {};
  const MDB_dbi owned = transaction.databases().owned;
  if (before != no_handle)
    POSTERN_TRY_STATUS(transaction.erase(owned, handle_key(before).view(), key.view()));
  if (after != no_handle) POSTERN_TRY_STATUS(transaction.put(owned, handle_key(after).view(), key.view()));
  return {};
}

ExpiryEntry expiry_entry(const TokenKey& key, UnixSeconds expires) noexcept {
  ExpiryEntry entry;
  write_big_endian(static_cast<std::uint32_t>(expires / day_seconds), entry.day.bytes.data());
  write_big_endian(static_cast<std::uint32_t>(expires % day_seconds), entry.value.bytes.data());
  std::copy(key.bytes.begin(), key.bytes.end(), entry.value.bytes.begin() + 4);
  return entry;
}

Status move_expiry(Transaction& transaction, const TokenKey& key, UnixSeconds before, UnixSeconds after) {
  if (before == after) return {};
  const MDB_dbi expiries = transaction.databases().expiries;
  if (before != 0) {
    const ExpiryEntry entry = expiry_entry(key, before);
    POSTERN_TRY_STATUS(transaction.erase(expiries, entry.day.view(), entry.value.view()));
  }
  if (after == 0) return {};
  const ExpiryEntry entry = expiry_entry(key, after);
  return transaction.put(expiries, entry.day.view(), entry.value.view());
}

FixedKey<40> rotated_entry(UnixSeconds rotated_at, const SecretHash& hash) noexcept {
  FixedKey<40> entry;
  write_big_endian(static_cast<std::uint64_t>(rotated_at), entry.bytes.data());
  const std::string_view bytes = hash.view();
  std::copy(bytes.begin(), bytes.end(), entry.bytes.begin() + time_bytes);
  return entry;
}

Status remember_rotated(Mutation& mutation, const SecretHash& hash, const SecretRecord& old) {
  Transaction& transaction = mutation.transaction();
  POSTERN_TRY_STATUS(transaction.put(mutation.databases().secrets, hash.view(), encode(old)));
  POSTERN_TRY_STATUS(transaction.put(mutation.databases().rotated, old.token.view(),
                                     rotated_entry(old.rotated_at, hash).view()));
  POSTERN_TRY(const auto hashes, rotated_hashes(transaction, old.token));
  if (hashes.size() <= limits::rotated_secrets_per_token_max) return {};
  for (const SecretHash& oldest : hashes) {
    SecretRecord record;
    POSTERN_TRY_STATUS(read_rotated(transaction, oldest, record));
    // A catalog may still declare it, and would bring it back.
    if (!record.imported) return forget(mutation, old.token, oldest);
  }
  return {};
}

Status forget_rotated(Mutation& mutation, const TokenKey& key) {
  POSTERN_TRY(const auto hashes, rotated_hashes(mutation.transaction(), key));
  for (const SecretHash& hash : hashes) POSTERN_TRY_STATUS(forget(mutation, key, hash));
  return {};
}

Status end_graces(Transaction& transaction, const TokenKey& key) {
  POSTERN_TRY(const auto hashes, rotated_hashes(transaction, key));
  for (const SecretHash& hash : hashes) {
    SecretRecord record;
    POSTERN_TRY_STATUS(read_rotated(transaction, hash, record));
    if (record.grace_until == 0) continue;
    record.grace_until = 0;
    POSTERN_TRY_STATUS(transaction.put(transaction.databases().secrets, hash.view(), encode(record)));
  }
  return {};
}

Result<bool> was_rotated(const Transaction& transaction, const TokenKey& key, const SecretHash& hash) {
  POSTERN_TRY(const auto hashes, rotated_hashes(transaction, key));
  return std::find(hashes.begin(), hashes.end(), hash) != hashes.end();
}

}  // namespace postern::store
