#include "store/audit.hpp"

#include <algorithm>

#include "store/bytes.hpp"
#include "store/impl.hpp"
#include "store/subject_record.hpp"

namespace postern::store {
namespace {

int hex_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

/// Walks the chain and stops at the first record that is not what it was.
class ChainWalk {
 public:
  ChainWalk(Cursor& cursor, AuditMark checkpoint, AuditMark head)
      : cursor_(cursor), last_(checkpoint), head_(head) {}

  Result<AuditVerdict> run() {
    POSTERN_TRY(bool more, cursor_.from(sequence_key(last_.sequence + 1).view()));
    if (more) verdict_.first = last_.sequence + 1;
    while (more && verdict_.broken == 0 && last_.sequence < head_.sequence) {
      step();
      POSTERN_TRY(more, cursor_.next());
    }
    verdict_.last = verdict_.first == 0 ? 0 : last_.sequence;
    if (verdict_.broken != 0) return verdict_;
    if (last_.sequence < head_.sequence)
      broken(last_.sequence + 1, "is missing");
    else if (more)
      broken(last_.sequence + 1, "is beyond the end of the log");
    else if (last_.hash != head_.hash)
      broken(suspect_ != 0 ? suspect_ : last_.sequence, "was changed");
    else if (suspect_ != 0)
      broken(suspect_ - 1, "was changed");
    return verdict_;
  }

 private:
  /// Judges the record under the cursor, which should follow `last_`.
  void step() {
    const std::uint64_t sequence = last_.sequence + 1;
    AuditEntry entry;
    if (cursor_.key() != sequence_key(sequence).view()) return broken(sequence, "is missing");
    if (!decode(cursor_.value(), entry)) return broken(sequence, "does not decode");
    if (entry.sequence != sequence) return broken(sequence, "carries the number of another");
    // A link that does not hold leaves two suspects. The later one is cleared when the record after it still
    // carries its hash; then the earlier one was changed.
    const bool holds = entry.previous == last_.hash;
    if (suspect_ != 0) return broken(holds ? suspect_ - 1 : suspect_, "was changed");
    if (!holds) suspect_ = sequence;
    last_ = {sequence, hash_secret(cursor_.value())};
  }
  void broken(std::uint64_t sequence, std::string_view flaw) {
    verdict_.broken = sequence;
    verdict_.problem = "audit record " + std::to_string(sequence) + " " + std::string(flaw);
  }

  Cursor& cursor_;
  AuditMark last_;
  AuditMark head_;
  std::uint64_t suspect_ = 0;
  AuditVerdict verdict_;
};

}  // namespace

std::string encode(const AuditEntry& entry) {
  ByteWriter writer;
  writer.u8(record_version);
  writer.u64(entry.sequence);
  writer.seconds(entry.time);
  writer.raw(entry.previous.view());
  for (const std::string_view text : {entry.actor, entry.action, entry.target, entry.change, entry.reason})
    writer.text(text);
  return std::move(writer).bytes();
}

bool decode(std::string_view bytes, AuditEntry& entry) noexcept {
  ByteReader reader(bytes);
  if (reader.u8() != record_version) return false;
  entry.sequence = reader.u64();
  entry.time = reader.seconds();
  const std::string_view previous = reader.raw(sizeof entry.previous.bytes);
  std::copy(previous.begin(), previous.end(), entry.previous.bytes);
  for (std::string_view* text : {&entry.actor, &entry.action, &entry.target, &entry.change, &entry.reason})
    *text = reader.text();
  return reader.complete();
}

Result<AuditMark> audit_mark(const Transaction& transaction, std::string_view meta_key) {
  AuditMark mark;
  POSTERN_TRY(const auto bytes, transaction.get(transaction.databases().meta, meta_key));
  if (!bytes) return mark;
  ByteReader reader(*bytes);
  mark.sequence = reader.u64();
  const std::string_view hash = reader.raw(sizeof mark.hash.bytes);
  std::copy(hash.begin(), hash.end(), mark.hash.bytes);
  if (!reader.complete()) return corrupt("meta " + std::string(meta_key));
  return mark;
}

Status set_audit_mark(Transaction& transaction, std::string_view meta_key, const AuditMark& mark) {
  ByteWriter writer;
  writer.u64(mark.sequence);
  writer.raw(mark.hash.view());
  return transaction.put(transaction.databases().meta, meta_key, writer.bytes());
}

Status append_audit(Transaction& transaction, AuditEntry entry) {
  POSTERN_TRY(AuditMark head, audit_mark(transaction, meta_key::audit_head));
  entry.sequence = head.sequence + 1;
  entry.previous = head.hash;
  const std::string bytes = encode(entry);
  POSTERN_TRY(const bool added,
              transaction.add(transaction.databases().audit, sequence_key(entry.sequence).view(), bytes));
  if (!added) return corrupt("meta audit_head");
  return set_audit_mark(transaction, meta_key::audit_head, {entry.sequence, hash_secret(bytes)});
}

Result<AuditVerdict> verify_audit(const Transaction& transaction) {
  POSTERN_TRY(const AuditMark head, audit_mark(transaction, meta_key::audit_head));
  POSTERN_TRY(const AuditMark checkpoint, audit_mark(transaction, meta_key::audit_checkpoint));
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().audit));
  // What lies before the checkpoint is on its way out: whole or not, nothing follows from it.
  return ChainWalk(cursor, checkpoint, head).run();
}

std::string to_hex(const SecretHash& hash) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : hash.bytes) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

std::optional<SecretHash> parse_hex(std::string_view text) noexcept {
  SecretHash hash;
  if (text.size() != 2 * sizeof hash.bytes) return std::nullopt;
  for (std::size_t i = 0; i < sizeof hash.bytes; ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    hash.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return hash;
}

Result<std::vector<AuditRecord>> audit_records(const Transaction& transaction, std::uint64_t after,
                                               std::size_t limit) {
  POSTERN_TRY(Cursor cursor, transaction.cursor(transaction.databases().audit));
  std::vector<AuditRecord> records;
  if (after == std::numeric_limits<std::uint64_t>::max()) return records;
  POSTERN_TRY(bool more, cursor.from(sequence_key(after + 1).view()));
  while (more && (limit == 0 || records.size() < limit)) {
    AuditEntry entry;
    if (!decode(cursor.value(), entry)) return corrupt("audit");
    records.push_back({entry.sequence, entry.time, std::string(entry.actor), std::string(entry.action),
                       std::string(entry.target), std::string(entry.change), std::string(entry.reason),
                       to_hex(hash_secret(cursor.value()))});
    POSTERN_TRY(more, cursor.next());
  }
  return records;
}

Result<std::vector<AuditRecord>> Store::audit(std::uint64_t after_sequence, std::size_t limit) const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  return audit_records(transaction, after_sequence, limit);
}

Result<AuditVerdict> Store::verify_audit() const {
  POSTERN_TRY(const Transaction transaction, Transaction::read(*impl_->environment));
  return store::verify_audit(transaction);
}

}  // namespace postern::store
