// The request path's view of the store: one get, no allocation, no lock, nothing kept.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "conf/result.hpp"
#include "policy/subject.hpp"

namespace postern::store {

class Store;
struct TokenKey;

/// SHA-256 of a secret's bytes.
struct SecretHash {
  std::uint8_t bytes[32] = {};
  /// The bytes as a key of the store.
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(bytes), sizeof bytes};
  }
  friend bool operator==(const SecretHash&, const SecretHash&) = default;
};
/// Hashes without allocating (OpenSSL's low-level SHA-256).
[[nodiscard]] SecretHash hash_secret(std::string_view secret) noexcept;

/// What a look-up found. The caller sees unknown, expired, disabled and deleted alike; the log knows the
/// difference. The names stand in the access log.
enum class TokenState : std::uint8_t {
  unknown = 0,  ///< no such secret
  valid,
  not_yet_valid,
  expired,
  disabled,
  rotated,          ///< an old secret after its grace
  owner_disabled,   ///< the owner is disabled, or his time is over
  owner_missing,    ///< the owner's record is gone: invalid, never unlimited
  address_refused,  ///< the client address is in none of the token's networks
  canary,           ///< nobody was to use it: a trap, refused as if it were unknown
  store_broken,     ///< the store could not be read or a record not decoded: 503, never "unknown"
};
[[nodiscard]] std::string_view to_string(TokenState state) noexcept;

/// One shard's way into the store: a read transaction that is renewed for a look-up and reset at its end, the
/// scratch arrays of the resolved subject, and the catalog as last compiled. Used by one thread at a time.
class Reader {
 public:
  /// Errors: unavailable (too many readers, EAGAIN of a foreign PID namespace, …).
  [[nodiscard]] static Result<Reader> open(Store& store);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  /// The span between look-up and verdict. While it lives, the views of its subject are good; it must end
  /// before anything suspends. At most one at a time per Reader.
  class [[nodiscard]] Snapshot {
   public:
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;
    ~Snapshot();

    /// False when the store could not be read: every answer is then 503.
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    /// Roles, permissions, groups and licenses of exactly this snapshot; recompiled when the catalog version
    /// moved (the only time this allocates). Its address changes exactly when it was recompiled: bindings are
    /// keyed by `catalog().version`.
    [[nodiscard]] const policy::Catalog& catalog() const noexcept;
    /// Resolves a secret. `now` in seconds; `address` is the client's, IPv4 as mapped IPv6, 16 bytes. On
    /// `valid`, subject() is filled. `token_id()` is known in every state but unknown and store_broken.
    [[nodiscard]] TokenState find(const SecretHash& hash, UnixSeconds now,
                                  std::span<const std::uint8_t, 16> address) noexcept;
    [[nodiscard]] const policy::Subject& subject() const noexcept;
    [[nodiscard]] std::string_view token_id() const noexcept;
    /// The same as a key. Good only while token_id() is known.
    [[nodiscard]] const TokenKey& token_key() const noexcept;
    /// When the token (or its owner, if sooner) stops being valid; 0 = never.
    [[nodiscard]] UnixSeconds expires() const noexcept;
    /// Whether the store holds secrets that do not have our form, so that they must be looked up.
    [[nodiscard]] bool has_imported_secrets() const noexcept;

   private:
    friend class Reader;
    explicit Snapshot(Reader& reader) noexcept;
    Reader& reader_;
    bool ok_ = false;
  };

  /// Renews the read transaction (9 ns) and compares `mdb_txn_id` with the last one: nothing committed means
  /// nothing to re-read. Never throws.
  [[nodiscard]] Snapshot snapshot() noexcept;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace postern::store
