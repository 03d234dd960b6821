// The audit log: one record per mutation, in its transaction, each carrying the SHA-256 of the one before.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/reader.hpp"
#include "store/store.hpp"
#include "store/transaction.hpp"

namespace postern::store {

/// Value of `audit`, under its sequence. Views into the record's bytes or into what the caller gave.
struct AuditEntry {
  std::uint64_t sequence = 0;  ///< from 1, without gaps
  UnixSeconds time = 0;
  SecretHash previous;  ///< SHA-256 of the record before; zeros for the first
  std::string_view actor, action, target, change, reason;
  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};
[[nodiscard]] std::string encode(const AuditEntry& entry);
[[nodiscard]] bool decode(std::string_view bytes, AuditEntry& entry) noexcept;

/// A place in the chain: meta `audit_head` (the newest record; zero when there is none, so that a cut-off end
/// shows) and `audit_checkpoint` (up to here older records may have been dropped by retention; verifying
/// starts after it).
struct AuditMark {
  std::uint64_t sequence = 0;
  SecretHash hash;
};
[[nodiscard]] Result<AuditMark> audit_mark(const Transaction& transaction, std::string_view meta_key);
[[nodiscard]] Status set_audit_mark(Transaction& transaction, std::string_view meta_key,
                                    const AuditMark& mark);

/// Appends a record. Sequence and previous hash are filled in.
[[nodiscard]] Status append_audit(Transaction& transaction, AuditEntry entry);

/// Records after this sequence, at most `limit` of them, the oldest first.
[[nodiscard]] Result<std::vector<AuditRecord>> audit_records(const Transaction& transaction,
                                                             std::uint64_t after, std::size_t limit);

/// Follows the chain from the checkpoint to the head.
[[nodiscard]] Result<AuditVerdict> verify_audit(const Transaction& transaction);

/// 64 hex digits.
[[nodiscard]] std::string to_hex(const SecretHash& hash);
[[nodiscard]] std::optional<SecretHash> parse_hex(std::string_view text) noexcept;

}  // namespace postern::store
