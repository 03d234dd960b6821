// Finding tokens. In order of id, indexes give the keys one by one and the walk ends with the page. In any
// other order, or when too many do not pass, all secrets are read in the order they lie in the file, which is
// ten times faster than looking each token up, and the page is kept as a heap of its size.

#include "store/token_query.hpp"

#include <algorithm>

#include "store/impl.hpp"
#include "store/token_filter.hpp"
#include "store/token_index.hpp"
#include "store/tokens.hpp"
#include "store/validity.hpp"

namespace postern::store {
namespace {

/// Tokens looked up one by one in vain before reading all of them is faster.
constexpr std::size_t misses_max = 20'000;

/// The sets' keys, ascending, each once.
class Merge {
 public:
  static Result<Merge> over(const Transaction& transaction, const std::vector<KeySet>& sets,
                            std::string_view from) {
    Merge merge;
    for (const KeySet& set : sets) {
      POSTERN_TRY(Cursor cursor, transaction.cursor(set.index));
      POSTERN_TRY(const bool found, cursor.from(set.key, from));
      if (found) merge.cursors_.push_back(std::move(cursor));
    }
    return merge;
  }
  /// The next key, or nothing at the end.
  Result<std::optional<TokenKey>> next() {
    if (cursors_.empty()) return std::optional<TokenKey>{};
    const auto least = std::min_element(cursors_.begin(), cursors_.end(),
                                        [](const auto& a, const auto& b) { return a.value() < b.value(); });
    const auto key = token_key(least->value());
    if (!key) return corrupt("index of tokens");
    for (auto cursor = cursors_.begin(); cursor != cursors_.end();) {
      bool more = true;
      if (cursor->value() == key->view()) {
        POSTERN_TRY(more, cursor->next_of_key());
      }
      cursor = more ? cursor + 1 : cursors_.erase(cursor);
    }
    return key;
  }

 private:
  std::vector<Cursor> cursors_;
};

/// A token among those found, and what it is sorted by.
struct Found {
  std::string text;
  UnixSeconds time = 0;
  TokenKey key;
  friend auto operator<=>(const Found&, const Found&) = default;
};

class Search {
 public:
  Search(const Transaction& transaction, const TokenQuery& query, TokenMatcher matcher)
      : transaction_(transaction), query_(query), matcher_(std::move(matcher)) {}

  Result<std::vector<TokenKey>> run() {
    POSTERN_TRY_STATUS(find_start());
    POSTERN_TRY(const auto sources, matcher_.sources());
    const bool by_id = query_.order == TokenOrder::id && !query_.reverse;
    if (sources) {
      POSTERN_TRY_STATUS(from_sets(*sources, by_id));
    } else if (const auto period = matcher_.period()) {
      POSTERN_TRY_STATUS(from_expiries(*period));
    } else if (by_id) {
      POSTERN_TRY(const bool done, walk());
      if (!done) POSTERN_TRY_STATUS(scan());
    } else {
      POSTERN_TRY_STATUS(scan());
    }
    std::sort(found_.begin(), found_.end(), order());
    std::vector<TokenKey> keys;
    keys.reserve(found_.size());
    for (const Found& one : found_) keys.push_back(one.key);
    return keys;
  }

 private:
  using Order = bool (*)(const Found&, const Found&);
  [[nodiscard]] Order order() const noexcept {
    if (query_.reverse) return [](const Found& a, const Found& b) { return b < a; };
    return [](const Found& a, const Found& b) { return a < b; };
  }
  [[nodiscard]] bool full() const noexcept { return query_.limit != 0 && found_.size() >= query_.limit; }

  /// Where the page begins.
  Status find_start() {
    if (query_.after.empty()) return {};
    const auto key = parse_token_id(query_.after);
    if (!key) return Error{ErrorKind::invalid, "the page starts after something that is no token id"};
    after_.emplace();
    after_->key = *key;
    if (query_.order == TokenOrder::id) return {};
    POSTERN_TRY(const bool exists, read(*key));
    if (!exists)
      return Error{ErrorKind::not_found,
                   "there is no token " + query_.after + " any more to go on after; begin anew"};
    POSTERN_TRY(*after_, describe(secret_));
    return {};
  }

  /// Reads the secret of a token into the scratch. False when there is no such token.
  Result<bool> read(const TokenKey& key) {
    POSTERN_TRY(const auto bytes, transaction_.get(transaction_.databases().tokens, key.view()));
    if (!bytes) return false;
    return read(key, *bytes);
  }
  Result<bool> read(const TokenKey& key, std::string_view detail_bytes) {
    TokenRecord detail;
    if (!decode(detail_bytes, detail)) return corrupt("details of " + token_id_text(key));
    POSTERN_TRY(const auto bytes, transaction_.get(transaction_.databases().secrets, detail.hash.view()));
    if (!bytes || !decode(*bytes, secret_) || secret_.state != SecretState::active)
      return corrupt("secret of " + token_id_text(key));
    return true;
  }

  Result<Found> describe(const SecretRecord& secret) {
    Found one;
    one.key = secret.token;
    if (query_.order == TokenOrder::name) one.text = secret.name;
    if (query_.order == TokenOrder::expires)
      one.time = secret.expires == 0 ? std::numeric_limits<UnixSeconds>::max() : secret.expires;
    if (query_.order == TokenOrder::created) {
      POSTERN_TRY(const auto bytes, transaction_.get(transaction_.databases().tokens, secret.token.view()));
      TokenRecord detail;
      if (!bytes || !decode(*bytes, detail)) return corrupt("details of " + token_id_text(secret.token));
      one.time = detail.created;
    }
    return one;
  }

  /// Keeps the token in the scratch if it passes and belongs to the page. A heap, its worst first.
  Result<bool> offer() {
    POSTERN_TRY(const bool passes, matcher_.matches(secret_));
    if (!passes) return false;
    POSTERN_TRY(Found one, describe(secret_));
    if (after_ && !order()(*after_, one)) return false;
    if (full()) {
      if (!order()(one, found_.front())) return false;
      std::pop_heap(found_.begin(), found_.end(), order());
      found_.pop_back();
    }
    found_.push_back(std::move(one));
    if (query_.limit != 0) std::push_heap(found_.begin(), found_.end(), order());
    return true;
  }

  Status from_sets(const std::vector<KeySet>& sets, bool by_id) {
    POSTERN_TRY(Merge merge,
                Merge::over(transaction_, sets, by_id && after_ ? after_->key.view() : std::string_view{}));
    for (;;) {
      POSTERN_TRY(const auto key, merge.next());
      if (!key || (by_id && full())) return {};
      POSTERN_TRY(const bool exists, read(*key));
      if (!exists) return corrupt("index of tokens");
      POSTERN_TRY([[maybe_unused]] const bool kept, offer());
    }
  }

  Status from_expiries(const TokenMatcher::Period& period) {
    POSTERN_TRY(Cursor cursor, transaction_.cursor(transaction_.databases().expiries));
    const ExpiryEntry first = expiry_entry({}, period.first);
    const ExpiryEntry last = expiry_entry({}, std::min(period.last, time_max));
    POSTERN_TRY(bool more, cursor.from(first.day.view()));
    constexpr std::size_t second_bytes = 4;
    while (more && cursor.key() <= last.day.view()) {
      if (cursor.value().size() != last.value.bytes.size()) return corrupt("index of expiries");
      const auto key = token_key(cursor.value().substr(second_bytes));
      if (!key) return corrupt("index of expiries");
      POSTERN_TRY(const bool exists, read(*key));
      if (!exists) return corrupt("index of expiries");
      POSTERN_TRY([[maybe_unused]] const bool kept, offer());
      POSTERN_TRY(more, cursor.next());
    }
    return {};
  }

  /// In order of id until the page is full. False when that takes too long; the scan then goes on from there.
  Result<bool> walk() {
    POSTERN_TRY(Cursor cursor, transaction_.cursor(transaction_.databases().tokens));
    POSTERN_TRY(bool more, after_ ? cursor.from(after_->key.view()) : cursor.first());
    for (std::size_t misses = 0; more && !full();) {
      const auto key = token_key(cursor.key());
      if (!key) return corrupt("key of a token");
      POSTERN_TRY([[maybe_unused]] const bool exists, read(*key, cursor.value()));
      POSTERN_TRY(const bool kept, offer());
      if (!kept && ++misses == misses_max) {
        after_.emplace();
        after_->key = *key;
        return false;
      }
      POSTERN_TRY(more, cursor.next());
    }
    return true;
  }

  Status scan() {
    POSTERN_TRY(Cursor cursor, transaction_.cursor(transaction_.databases().secrets));
    POSTERN_TRY(bool more, cursor.first());
    while (more) {
      if (!decode(cursor.value(), secret_)) return corrupt("secret");
      if (secret_.state == SecretState::active) {
        POSTERN_TRY([[maybe_unused]] const bool kept, offer());
      }
      POSTERN_TRY(more, cursor.next());
    }
    return {};
  }

  const Transaction& transaction_;
  const TokenQuery& query_;
  TokenMatcher matcher_;
  std::optional<Found> after_;
  std::vector<Found> found_;
  SecretRecord secret_;  ///< scratch; large
};

Result<std::vector<TokenKey>> find(const Environment& environment, const Transaction& transaction,
                                   const TokenQuery& query) {
  POSTERN_TRY(TokenMatcher matcher, TokenMatcher::make(environment, transaction, query.filter));
  return Search(transaction, query, std::move(matcher)).run();
}

}  // namespace

Result<std::vector<Token>> Store::find_tokens(const TokenQuery& query) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  POSTERN_TRY(const std::vector<TokenKey> keys, find(*impl_->environment, transaction, query));
  Names names(transaction);
  std::vector<Token> found;
  found.reserve(keys.size());
  for (const TokenKey& key : keys) {
    POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().tokens, key.view()));
    if (!bytes) return corrupt("token " + token_id_text(key));
    POSTERN_TRY(StoredToken stored, load_token(transaction, names, key, *bytes));
    found.push_back(std::move(stored.token));
  }
  return found;
}

Result<std::vector<Token>> Store::tokens(const Page& page) const {
  TokenQuery query;
  query.after = page.after;
  query.limit = page.limit;
  return find_tokens(query);
}

Result<std::vector<std::string>> Store::token_ids(const TokenFilter& filter) const {
  TokenQuery query;
  query.filter = filter;
  query.limit = 0;
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  POSTERN_TRY(const std::vector<TokenKey> keys, find(*impl_->environment, transaction, query));
  std::vector<std::string> ids;
  ids.reserve(keys.size());
  for (const TokenKey& key : keys) ids.push_back(token_id_text(key));
  return ids;
}

}  // namespace postern::store
