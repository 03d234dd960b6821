#include "policy/held_subject.hpp"

#include <algorithm>

#include "policy/policy.hpp"

namespace postern::policy {

HeldSubject::HeldSubject(Holdings holdings, const Catalog& catalog)
    : holdings_(std::move(holdings)),
      groups_(handles_of(EntityKind::group, holdings_.groups, catalog)),
      roles_(handles_of(EntityKind::role, holdings_.roles, catalog)),
      permissions_(handles_of(EntityKind::permission, holdings_.permissions, catalog)),
      licenses_(handles_of(EntityKind::license, holdings_.licenses, catalog)) {
  for (const Holdings::ResourceGrant& grant : holdings_.grants) {
    const Handle permission = catalog.handle(EntityKind::permission, grant.permission);
    if (permission == no_handle)
      unknown_.push_back("permission " + grant.permission);
    else
      grants_.push_back({permission, grant.resource});
  }
  subject_.type = holdings_.type;
  subject_.id = holdings_.id;
  subject_.name = holdings_.name;
  subject_.token_id = holdings_.token_id;
  subject_.groups = groups_;
  subject_.roles = roles_;
  subject_.permissions = permissions_;
  subject_.licenses = licenses_;
  subject_.grants = grants_;
  subject_.catalog = holdings_.type == SubjectType::anonymous ? nullptr : &catalog;
  subject_.certificate = holdings_.certificate;
}

std::vector<Handle> HeldSubject::handles_of(EntityKind kind, const std::vector<std::string>& ids,
                                            const Catalog& catalog) {
  std::vector<Handle> handles;
  for (const std::string& id : ids) {
    const Handle handle = catalog.handle(kind, id);
    if (handle == no_handle)
      unknown_.push_back(std::string(to_string(kind)) + ' ' + id);
    else
      handles.push_back(handle);
  }
  std::sort(handles.begin(), handles.end());
  handles.erase(std::unique(handles.begin(), handles.end()), handles.end());
  return handles;
}

void add_entity(Catalog& catalog, EntityKind kind, Catalog::Entity entity) {
  if (catalog.handle(kind, entity.id) != no_handle) return;
  catalog.insert(kind, catalog.next_handle(kind), std::move(entity));
}

Catalog catalog_of(const std::vector<Symbol>& symbols) {
  Catalog catalog;
  for (const Symbol& symbol : symbols) {
    Catalog::Entity entity;
    entity.id = symbol.id;
    entity.license_kind = symbol.license_kind;
    add_entity(catalog, symbol.kind, std::move(entity));
  }
  return catalog;
}

}  // namespace postern::policy
