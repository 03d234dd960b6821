#include "store/retention.hpp"

#include <boost/json.hpp>

#include "store/audit.hpp"
#include "store/environment.hpp"
#include "store/mutation.hpp"

namespace postern::store {

Result<Retention> drop_audit(const Actor& actor, const Store& store, UnixSeconds before, std::size_t limit) {
  POSTERN_TRY(Mutation mutation, Mutation::begin(store.environment(), actor, Mutation::Purpose::upkeep));
  Transaction& transaction = mutation.transaction();
  POSTERN_TRY(const AuditVerdict verdict, verify_audit(transaction));
  if (verdict.broken != 0) return Error{ErrorKind::conflict, "nothing was dropped: " + verdict.problem};
  POSTERN_TRY(AuditMark mark, audit_mark(transaction, meta_key::audit_checkpoint));
  POSTERN_TRY(const AuditMark head, audit_mark(transaction, meta_key::audit_head));

  Retention done;
  const std::uint64_t first = mark.sequence + 1;
  {
    POSTERN_TRY(Cursor cursor, transaction.cursor(mutation.databases().audit));
    POSTERN_TRY(bool more, cursor.from(sequence_key(first).view()));
    while (more && mark.sequence < head.sequence) {
      AuditEntry entry;
      if (!decode(cursor.value(), entry)) return corrupt("audit");
      if (entry.time >= before) break;
      done.more = done.dropped == limit;
      if (done.more) break;
      mark = {entry.sequence, hash_secret(cursor.value())};
      ++done.dropped;
      POSTERN_TRY(more, cursor.next());
    }
  }
  if (done.dropped == 0) return done;
  done.last = mark.sequence;
  for (std::uint64_t sequence = first; sequence <= mark.sequence; ++sequence)
    POSTERN_TRY_STATUS(transaction.erase(mutation.databases().audit, sequence_key(sequence).view()));
  POSTERN_TRY_STATUS(set_audit_mark(transaction, meta_key::audit_checkpoint, mark));
  const boost::json::object change{{"first", first}, {"last", mark.sequence}, {"hash", to_hex(mark.hash)}};
  POSTERN_TRY_STATUS(
      mutation.record("audit.drop", std::to_string(mark.sequence), boost::json::serialize(change)));
  POSTERN_TRY_STATUS(mutation.finish());
  return done;
}

}  // namespace postern::store
