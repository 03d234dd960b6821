// Between ids, which people write, and handles, which records hold.

#pragma once

#include <map>
#include <string>
#include <string_view>

#include "store/rights.hpp"
#include "store/store.hpp"
#include "store/transaction.hpp"

namespace postern::store {

/// Errors: not_found ("there is no role shop.reader").
[[nodiscard]] Result<Handle> handle_of(const Transaction& transaction, EntityKind kind, std::string_view id);
[[nodiscard]] Result<Handle> user_handle_of(const Transaction& transaction, std::string_view id);

/// Assignments as handles, sorted, without repeats. The resources are views into `assignments`. Errors:
/// not_found (an id that does not exist), usage (an application license), invalid (more than limits allow, a
/// resource that may not be stored).
[[nodiscard]] Status to_rights(const Transaction& transaction, const Assignments& assignments,
                               Rights& rights);

/// Reads ids by handle and remembers them, for as long as one listing takes. Ends before its transaction.
class Names {
 public:
  explicit Names(const Transaction& transaction) : transaction_(transaction) {}

  /// Empty when the entity was deleted.
  [[nodiscard]] Result<std::string> id(EntityKind kind, Handle handle);
  [[nodiscard]] Result<std::string> user_id(Handle handle);
  /// Rights as ids. What refers to deleted entities is left out: it gives nothing.
  [[nodiscard]] Result<Assignments> assignments(const Rights& rights);
  [[nodiscard]] Result<std::vector<std::string>> ids(EntityKind kind, std::span<const Handle> handles);

 private:
  const Transaction& transaction_;
  std::map<Reference, std::string> known_;
  std::map<Handle, std::string> known_users_;
};

/// Carries out a change, by ids.
[[nodiscard]] Status change_assignments(const Transaction& transaction, const AssignmentChange& change,
                                        Assignments& assignments);

/// The same for one list of ids: `set` replaces, then `add`, then `remove`. What is removed must exist,
/// though not be held.
[[nodiscard]] Status change_ids(const Transaction& transaction, EntityKind kind,
                                const std::optional<std::vector<std::string>>& set,
                                const std::vector<std::string>& add, const std::vector<std::string>& remove,
                                std::vector<std::string>& ids);

}  // namespace postern::store
