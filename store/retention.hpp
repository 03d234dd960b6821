// Dropping the oldest part of the audit log, so that what is left can still be proved.

#pragma once

#include <cstddef>
#include <cstdint>

#include "store/store.hpp"

namespace postern::store {

struct Retention {
  std::uint64_t dropped = 0;  ///< records
  std::uint64_t last = 0;     ///< sequence of the last one that was dropped, 0 = none
  bool more = false;          ///< there are more than `limit` to drop
};
/// Drops at most `limit` of the oldest records, all from before `before`, and remembers sequence and hash of
/// the last of them, which verifying then starts behind. That is a record of the log itself. The chain up to
/// there is verified first: what does not hold is not dropped. Errors: conflict (the chain is broken),
/// unavailable.
[[nodiscard]] Result<Retention> drop_audit(const Actor& actor, const Store& store, UnixSeconds before,
                                           std::size_t limit);

}  // namespace postern::store
