// A subject told by what it holds, by ids: for commands and tests that ask "what if".

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policy/subject.hpp"

namespace postern::policy {

/// What somebody holds, as an operator would write it.
struct Holdings {
  struct ResourceGrant {
    std::string permission, resource;
  };
  SubjectType type = SubjectType::token;
  std::string id, name, token_id;
  std::vector<std::string> groups, roles, permissions, licenses;
  std::vector<ResourceGrant> grants;
  std::string certificate;  ///< subject of a verified client certificate; empty: none
};

/// Owns what the views of a Subject look at. The catalog outlives it.
class HeldSubject {
 public:
  HeldSubject(Holdings holdings, const Catalog& catalog);

  /// Good as long as this.
  [[nodiscard]] const Subject& subject() const noexcept { return subject_; }
  [[nodiscard]] const Holdings& holdings() const noexcept { return holdings_; }
  /// What the catalog does not know, "role shop.raeder": it is held by nobody.
  [[nodiscard]] const std::vector<std::string>& unknown() const noexcept { return unknown_; }

 private:
  std::vector<Handle> handles_of(EntityKind kind, const std::vector<std::string>& ids,
                                 const Catalog& catalog);

  Holdings holdings_;
  std::vector<std::string> unknown_;  ///< before the handles, whose making adds to it
  std::vector<Handle> groups_, roles_, permissions_, licenses_;
  std::vector<Grant> grants_;
  Subject subject_;
};

/// A catalog in which exactly these symbols exist, licenses enabled: when no other is at hand.
struct Symbol;
[[nodiscard]] Catalog catalog_of(const std::vector<Symbol>& symbols);
/// Makes an entity under the next free handle of its kind, unless there is one of that id.
void add_entity(Catalog& catalog, EntityKind kind, Catalog::Entity entity);

}  // namespace postern::policy
