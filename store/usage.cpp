#include "store/usage.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "conf/option.hpp"
#include "store/bytes.hpp"
#include "store/environment.hpp"
#include "store/mutation.hpp"
#include "store/subject_record.hpp"
#include "store/transaction.hpp"

namespace postern::store {
namespace {

Result<Transaction> begin(const UsageFile& file, const Environment& environment, unsigned flags) {
  MDB_txn* raw = nullptr;
  if (const int code = mdb_txn_begin(file.environment, nullptr, flags, &raw); code != 0)
    return lmdb_error(code, "usage");
  return Transaction(raw, environment.databases());
}

void merge(Usage& known, const TokenUse& use) noexcept {
  if (known.count == 0 || use.first < known.first) known.first = use.first;
  if (known.count == 0 || use.last >= known.last) {
    known.last = use.last;
    known.address = use.address;
  }
  known.count += use.count;
}

/// A use and the beginning of its token's key, by which most are told apart without a look at the use.
struct Ordered {
  std::uint64_t beginning;
  const TokenUse* use;
  bool operator<(const Ordered& other) const noexcept {
    if (beginning != other.beginning) return beginning < other.beginning;
    return TokenKey{use->token} < TokenKey{other.use->token};
  }
};

/// Neighbours lie on the same page, which is then looked for once and copied once.
std::vector<Ordered> in_order_of_keys(std::span<const TokenUse> uses) {
  std::vector<Ordered> sorted;
  sorted.reserve(uses.size());
  for (const TokenUse& use : uses) {
    std::uint64_t beginning = 0;
    for (std::size_t i = 0; i < sizeof beginning; ++i)
      beginning = beginning << 8 | static_cast<std::uint8_t>(use.token[i]);
    sorted.push_back({beginning, &use});
  }
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

constexpr std::size_t record_bytes = 41;

}  // namespace

std::string encode(const Usage& usage) {
  ByteWriter writer(record_bytes);
  writer.u8(record_version);
  writer.u64(static_cast<std::uint64_t>(usage.first));
  writer.u64(static_cast<std::uint64_t>(usage.last));
  writer.raw({reinterpret_cast<const char*>(usage.address.data()), usage.address.size()});
  writer.u64(usage.count);
  return std::move(writer).bytes();
}

bool decode(std::string_view bytes, Usage& usage) noexcept {
  ByteReader reader(bytes);
  if (reader.u8() != record_version) return false;
  usage.first = static_cast<UnixSeconds>(reader.u64());
  usage.last = static_cast<UnixSeconds>(reader.u64());
  const std::string_view address = reader.raw(usage.address.size());
  std::copy(address.begin(), address.end(), usage.address.begin());
  usage.count = reader.u64();
  return reader.complete() && usage.first >= 0 && usage.last >= 0;
}

Status add_uses(const Store& store, std::span<const TokenUse> uses) {
  if (uses.empty()) return {};
  POSTERN_TRY(const UsageFile file, store.environment().usage());
  POSTERN_TRY(Transaction transaction, begin(file, store.environment(), 0));
  POSTERN_TRY(const Transaction tokens, Transaction::read(store.environment()));
  {
    POSTERN_TRY(Cursor cursor, transaction.cursor(file.usage));
    for (const auto& [beginning, use] : in_order_of_keys(uses)) {
      const std::string_view key(use->token.data(), use->token.size());
      POSTERN_TRY(const bool found, cursor.at(key));
      if (!found) {
        POSTERN_TRY(const auto token, tokens.get(tokens.databases().tokens, key));
        if (!token) continue;
      }
      Usage known;
      if (found && !decode(cursor.value(), known)) known = {};
      merge(known, *use);
      POSTERN_TRY_STATUS(found ? cursor.replace(encode(known)) : cursor.put(key, encode(known)));
    }
  }  // a cursor ends before its transaction
  return transaction.commit();
}

Result<std::uint64_t> count_broken_usages(const Environment& environment) {
  POSTERN_TRY(const UsageFile file, environment.usage());
  POSTERN_TRY(const Transaction reading, begin(file, environment, MDB_RDONLY));
  POSTERN_TRY(Cursor cursor, reading.cursor(file.usage));
  std::uint64_t broken = 0;
  Usage usage;
  POSTERN_TRY(bool more, cursor.first());
  while (more) {
    if (!token_key(cursor.key()) || !decode(cursor.value(), usage)) ++broken;
    POSTERN_TRY(more, cursor.next());
  }
  return broken;
}

struct UsageSnapshot::Impl {
  Transaction transaction;
  MDB_dbi usage;
};

UsageSnapshot::UsageSnapshot(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UsageSnapshot::UsageSnapshot(UsageSnapshot&&) noexcept = default;
UsageSnapshot& UsageSnapshot::operator=(UsageSnapshot&&) noexcept = default;
UsageSnapshot::~UsageSnapshot() = default;

Result<UsageSnapshot> UsageSnapshot::open(const Environment& environment) {
  POSTERN_TRY(const UsageFile file, environment.usage());
  POSTERN_TRY(Transaction transaction, begin(file, environment, MDB_RDONLY));
  return UsageSnapshot(std::make_unique<Impl>(Impl{std::move(transaction), file.usage}));
}

Result<std::optional<Usage>> UsageSnapshot::of(const TokenKey& token) const {
  POSTERN_TRY(const auto bytes, impl_->transaction.get(impl_->usage, token.view()));
  if (!bytes) return std::optional<Usage>();
  Usage usage;
  if (!decode(*bytes, usage)) return corrupt("usage of " + token_id_text(token));
  return std::optional(usage);
}

namespace {

/// Looks at `limit` records from `after` on, and gives where to go on; an empty key: at the beginning.
Result<std::string> forget_deleted(const Store& store, std::string_view after, std::size_t limit) {
  POSTERN_TRY(const UsageFile file, store.environment().usage());
  std::vector<std::string> gone;
  std::string last;
  {
    // In this order: whatever was used by then exists in the later snapshot, unless it was deleted.
    POSTERN_TRY(const Transaction reading, begin(file, store.environment(), MDB_RDONLY));
    POSTERN_TRY(const Transaction tokens, Transaction::read(store.environment()));
    POSTERN_TRY(Cursor cursor, reading.cursor(file.usage));
    POSTERN_TRY(bool more, after.empty() ? cursor.first() : cursor.from(after));
    for (std::size_t looked = 0; more && looked < limit; ++looked) {
      POSTERN_TRY(const auto token, tokens.get(tokens.databases().tokens, cursor.key()));
      if (!token) gone.emplace_back(cursor.key());
      POSTERN_TRY(more, cursor.next());
      if (more) last = cursor.key();
    }
    if (!more) last.clear();
  }
  if (gone.empty()) return last;
  POSTERN_TRY(Transaction writing, begin(file, store.environment(), 0));
  for (const std::string& key : gone) POSTERN_TRY_STATUS(writing.erase(file.usage, key));
  POSTERN_TRY_STATUS(writing.commit());
  return last;
}

}  // namespace

Result<bool> UsageSweep::turn(const Store& store, std::size_t limit) {
  if (after_.empty()) {
    const std::uint64_t commit = store.environment().last_commit();
    if (commit == begun_after_) return false;
    begun_after_ = commit;
  }
  Result<std::string> after = forget_deleted(store, after_, limit);
  after_ = after ? std::move(*after) : std::string();
  if (!after) begun_after_ = 0;
  if (!after) return after.error();
  return true;
}

}  // namespace postern::store
