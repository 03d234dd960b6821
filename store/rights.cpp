#include "store/rights.hpp"

#include <algorithm>

namespace postern::store {
namespace {

void read_handles(ByteReader& reader, HandleList& handles) noexcept {
  const std::uint64_t count = reader.varint();
  if (count == 0) reader.fail();
  Handle last = 0;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    // A difference of 0 would be a handle twice, and the first would be no_handle.
    const std::uint64_t step = reader.handle();
    const std::uint64_t next = last + step;
    if (step == 0 || next > std::numeric_limits<Handle>::max() || !handles.add(static_cast<Handle>(next)))
      return reader.fail();
    last = static_cast<Handle>(next);
  }
}

void write_grants(ByteWriter& writer, std::span<const policy::Grant> grants) {
  writer.varint(grants.size());
  for (const policy::Grant& grant : grants) {
    writer.varint(grant.permission);
    writer.text(grant.resource);
  }
}

void read_grants(ByteReader& reader, Rights& rights) noexcept {
  const std::uint64_t count = reader.varint();
  if (count == 0) reader.fail();
  policy::Grant last;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    policy::Grant grant;
    grant.permission = reader.handle();
    grant.resource = reader.text();
    const bool ascends = grant.permission > last.permission ||
                         (grant.permission == last.permission && grant.resource > last.resource);
    if (grant.permission == no_handle || grant.resource.empty() || !ascends || !rights.grants.add(grant))
      return reader.fail();
    last = grant;
  }
}

}  // namespace

void Rights::clear() noexcept {
  for (HandleList* list : {&groups, &roles, &permissions, &licenses}) list->clear();
  grants.clear();
}

bool Rights::empty() const noexcept {
  return rights_flags(*this) == 0;
}

void Rights::erase(const Reference& reference) noexcept {
  const auto is_it = [&](Handle handle) { return handle == reference.handle; };
  switch (reference.kind) {
    case policy::EntityKind::permission:
      permissions.erase_if(is_it);
      grants.erase_if([&](const policy::Grant& grant) { return is_it(grant.permission); });
      return;
    case policy::EntityKind::role:
      return roles.erase_if(is_it);
    case policy::EntityKind::group:
      return groups.erase_if(is_it);
    case policy::EntityKind::license:
      return licenses.erase_if(is_it);
  }
}

std::uint64_t rights_flags(const Rights& rights) noexcept {
  return (rights.groups.empty() ? 0 : subject_flag::groups) |
         (rights.roles.empty() ? 0 : subject_flag::roles) |
         (rights.permissions.empty() ? 0 : subject_flag::permissions) |
         (rights.licenses.empty() ? 0 : subject_flag::licenses) |
         (rights.grants.empty() ? 0 : subject_flag::grants);
}

void write_handles(ByteWriter& writer, std::span<const Handle> handles) {
  writer.varint(handles.size());
  Handle last = 0;
  for (const Handle handle : handles) {
    writer.varint(handle - last);
    last = handle;
  }
}

void write_rights(ByteWriter& writer, const Rights& rights) {
  for (const HandleList* list : {&rights.groups, &rights.roles, &rights.permissions, &rights.licenses})
    if (!list->empty()) write_handles(writer, list->items());
  if (!rights.grants.empty()) write_grants(writer, rights.grants.items());
}

void read_rights(ByteReader& reader, std::uint64_t flags, Rights& rights) noexcept {
  rights.clear();
  if (flags & subject_flag::groups) read_handles(reader, rights.groups);
  if (flags & subject_flag::roles) read_handles(reader, rights.roles);
  if (flags & subject_flag::permissions) read_handles(reader, rights.permissions);
  if (flags & subject_flag::licenses) read_handles(reader, rights.licenses);
  if (flags & subject_flag::grants) read_grants(reader, rights);
}

std::string_view read_extensions(ByteReader& reader, std::uint64_t flags) noexcept {
  if ((flags & subject_flag::extensions) == 0) return {};
  const std::string_view extensions = reader.text();
  ByteReader list(extensions);
  if (extensions.empty()) reader.fail();
  for (std::uint64_t last = 0; list.ok() && !list.empty();) {
    const std::uint64_t tag = list.varint();
    static_cast<void>(list.text());
    if (tag <= last || tag % 2 == 1) list.fail();
    last = tag;
  }
  if (!list.ok()) reader.fail();
  return extensions;
}

std::vector<Reference> references(const Rights& rights) {
  std::vector<Reference> found;
  const auto add = [&found](policy::EntityKind kind, const HandleList& handles) {
    for (const Handle handle : handles.items()) found.push_back({kind, handle});
  };
  add(policy::EntityKind::permission, rights.permissions);
  add(policy::EntityKind::role, rights.roles);
  add(policy::EntityKind::group, rights.groups);
  add(policy::EntityKind::license, rights.licenses);
  for (const policy::Grant& grant : rights.grants.items())
    found.push_back({policy::EntityKind::permission, grant.permission});
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace postern::store
