#include "store/reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "conf/option.hpp"
#include "store/entities.hpp"
#include "store/impl.hpp"
#include "store/subject_record.hpp"
#include "store/tokens.hpp"

namespace postern::store {

std::string_view to_string(TokenState state) noexcept {
  switch (state) {
    case TokenState::unknown:
      return "unknown";
    case TokenState::valid:
      return "valid";
    case TokenState::not_yet_valid:
      return "not_yet_valid";
    case TokenState::expired:
      return "expired";
    case TokenState::disabled:
      return "disabled";
    case TokenState::rotated:
      return "rotated";
    case TokenState::owner_disabled:
      return "owner_disabled";
    case TokenState::owner_missing:
      return "owner_missing";
    case TokenState::address_refused:
      return "address_refused";
    case TokenState::canary:
      return "canary";
    case TokenState::store_broken:
      return "store_broken";
  }
  return "store_broken";
}

namespace {

/// One get on the request path: no allocation, not even for an error.
enum class Got : std::uint8_t { record, nothing, failure };
Got get(MDB_txn* transaction, MDB_dbi database, std::string_view key, std::string_view& value) noexcept {
  MDB_val k = {key.size(), const_cast<char*>(key.data())}, v = {};
  const int code = mdb_get(transaction, database, &k, &v);
  if (code == MDB_NOTFOUND) return Got::nothing;
  if (code != 0) return Got::failure;
  value = {static_cast<const char*>(v.mv_data), v.mv_size};
  return Got::record;
}

UnixSeconds sooner(UnixSeconds a, UnixSeconds b) noexcept {
  if (a == 0 || b == 0) return a + b;
  return std::min(a, b);
}

}  // namespace

struct Reader::State {
  State(EnvironmentRef shared, Transaction begun, std::string prefix)
      : environment(std::move(shared)), transaction(std::move(begun)), token_prefix(std::move(prefix)) {}

  EnvironmentRef environment;  // before the transaction, so that it ends after it
  Transaction transaction;     ///< reset between snapshots
  std::string token_prefix;
  std::size_t seen_transaction = 0;  ///< mdb_txn_id when meta was last read; 0 = never
  bool imported_secrets = false;
  std::unique_ptr<const policy::Catalog> catalog = std::make_unique<const policy::Catalog>();

  // The scratch of a look-up. Its arrays are of fixed size: nothing here allocates.
  SecretRecord secret;
  UserRecord user;
  std::array<char, token_id_chars> token_id = {};
  bool token_known = false;
  policy::Subject subject;
  UnixSeconds expires = 0;

  [[nodiscard]] Status refresh();
  [[nodiscard]] TokenState find(const SecretHash& hash, UnixSeconds now,
                                std::span<const std::uint8_t, 16> address) noexcept;
  [[nodiscard]] TokenState follow_rotated(UnixSeconds now) noexcept;
  [[nodiscard]] TokenState resolve_owner(UnixSeconds now) noexcept;
  void fill_subject() noexcept;
};

/// Reads what only a commit can have changed.
Status Reader::State::refresh() {
  const std::size_t current = mdb_txn_id(transaction.raw());
  if (current == seen_transaction) return {};
  POSTERN_TRY(const std::uint64_t imported, transaction.number(meta_key::imported_secrets));
  POSTERN_TRY(const bool other_prefix, has_other_prefix(transaction, token_prefix));
  POSTERN_TRY(const std::uint64_t version, transaction.number(meta_key::catalog_version));
  if (version != catalog->version) {
    POSTERN_TRY(policy::Catalog compiled, compile_catalog(transaction));
    // The old one is freed after the new one was made, so that its address is another.
    catalog = std::make_unique<const policy::Catalog>(std::move(compiled));
  }
  imported_secrets = imported != 0 || other_prefix;
  seen_transaction = current;
  return {};
}

TokenState Reader::State::find(const SecretHash& hash, UnixSeconds now,
                               std::span<const std::uint8_t, 16> address) noexcept {
  subject = {};
  token_known = false;
  expires = 0;
  std::string_view bytes;
  switch (get(transaction.raw(), transaction.databases().secrets, hash.view(), bytes)) {
    case Got::nothing:
      return TokenState::unknown;
    case Got::failure:
      return TokenState::store_broken;
    case Got::record:
      break;
  }
  if (!decode(bytes, secret)) return TokenState::store_broken;
  write_token_id(secret.token, token_id);
  token_known = true;

  if (secret.state == SecretState::rotated) {
    const TokenState followed = follow_rotated(now);
    if (followed != TokenState::valid) return followed;
  }
  if (secret.canary) return TokenState::canary;
  if (!secret.enabled) return TokenState::disabled;
  if (now < secret.not_before) return TokenState::not_yet_valid;
  if (secret.expires != 0 && now >= secret.expires) return TokenState::expired;
  expires = sooner(expires, secret.expires);
  if (secret.owner != no_handle) {
    const TokenState owner = resolve_owner(now);
    if (owner != TokenState::valid) return owner;
  }
  const auto networks = secret.networks.items();
  const bool allowed =
      networks.empty() || std::any_of(networks.begin(), networks.end(),
                                      [&](const Network& network) { return contains(network, address); });
  if (!allowed) return TokenState::address_refused;
  fill_subject();
  return TokenState::valid;
}

/// An old secret within its grace stands for the token's current one, with all that is asked of that.
TokenState Reader::State::follow_rotated(UnixSeconds now) noexcept {
  const UnixSeconds grace_until = secret.grace_until;
  if (grace_until == 0 || now >= grace_until) return TokenState::rotated;
  const TokenKey key = secret.token;
  std::string_view bytes;
  TokenRecord detail;
  // What a rotated secret points to exists: it is deleted together with it.
  const bool current =
      get(transaction.raw(), transaction.databases().tokens, key.view(), bytes) == Got::record &&
      decode(bytes, detail) &&
      get(transaction.raw(), transaction.databases().secrets, detail.hash.view(), bytes) == Got::record &&
      decode(bytes, secret) && secret.state == SecretState::active && secret.token == key;
  if (!current) {
    token_known = false;
    return TokenState::store_broken;
  }
  expires = grace_until;
  return TokenState::valid;
}

TokenState Reader::State::resolve_owner(UnixSeconds now) noexcept {
  std::string_view bytes;
  switch (get(transaction.raw(), transaction.databases().users, handle_key(secret.owner).view(), bytes)) {
    case Got::nothing:
      return TokenState::owner_missing;
    case Got::failure:
      return TokenState::store_broken;
    case Got::record:
      break;
  }
  if (!decode(bytes, user)) return TokenState::store_broken;
  if (user.status == UserStatus::disabled) return TokenState::owner_disabled;
  if (user.status == UserStatus::enabled_until) {
    if (now >= user.enabled_until) return TokenState::owner_disabled;
    expires = sooner(expires, user.enabled_until);
  }
  return TokenState::valid;
}

void Reader::State::fill_subject() noexcept {
  const bool owned = secret.owner != no_handle;
  const Rights& rights = owned ? user.rights : secret.rights;
  subject.token_id = {token_id.data(), token_id.size()};
  subject.type = owned ? policy::SubjectType::user : policy::SubjectType::token;
  subject.id = owned ? user.id : subject.token_id;
  subject.name = owned ? user.name : secret.name;
  subject.permissions = rights.permissions.items();
  subject.roles = rights.roles.items();
  subject.groups = rights.groups.items();
  subject.licenses = rights.licenses.items();
  subject.grants = rights.grants.items();
  subject.catalog = catalog.get();
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(Store& store) {
  POSTERN_TRY(Transaction transaction, Transaction::read(*store.impl_->environment));
  mdb_txn_reset(transaction.raw());
  return Reader(
      std::make_unique<State>(store.impl_->environment, std::move(transaction), store.impl_->token_prefix));
}

Reader::Snapshot Reader::snapshot() noexcept {
  return Snapshot(*this);
}

Reader::Snapshot::Snapshot(Reader& reader) noexcept : reader_(reader) {
  State& state = *reader.state_;
  state.subject = {};
  state.token_known = false;
  state.expires = 0;
  if (mdb_txn_renew(state.transaction.raw()) != 0) return;
  // Compiling a catalog allocates; without memory this is one more way of not being able to read.
  try {
    ok_ = state.refresh().has_value();
  } catch (...) {
    ok_ = false;
  }
}

Reader::Snapshot::~Snapshot() {
  mdb_txn_reset(reader_.state_->transaction.raw());
}

const policy::Catalog& Reader::Snapshot::catalog() const noexcept {
  return *reader_.state_->catalog;
}

TokenState Reader::Snapshot::find(const SecretHash& hash, UnixSeconds now,
                                  std::span<const std::uint8_t, 16> address) noexcept {
  if (!ok_) return TokenState::store_broken;
  const TokenState state = reader_.state_->find(hash, now, address);
  if (state == TokenState::store_broken || state == TokenState::unknown) reader_.state_->token_known = false;
  return state;
}

const policy::Subject& Reader::Snapshot::subject() const noexcept {
  return reader_.state_->subject;
}

std::string_view Reader::Snapshot::token_id() const noexcept {
  const State& state = *reader_.state_;
  return state.token_known ? std::string_view(state.token_id.data(), state.token_id.size())
                           : std::string_view{};
}

const TokenKey& Reader::Snapshot::token_key() const noexcept {
  return reader_.state_->secret.token;
}

UnixSeconds Reader::Snapshot::expires() const noexcept {
  return reader_.state_->expires;
}

bool Reader::Snapshot::has_imported_secrets() const noexcept {
  return reader_.state_->imported_secrets;
}

}  // namespace postern::store
