// Records of permissions, roles, groups and licenses. Only management and the compiling of a catalog read
// them, so they may allocate.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/strong.hpp"
#include "policy/subject.hpp"

namespace postern::store {

/// Value of `permissions`, `roles`, `groups` and `licenses`, under the entity's handle. Views into the
/// record's bytes or into what the caller gave.
struct EntityRecord {
  policy::EntityKind kind = policy::EntityKind::permission;
  std::string_view id;
  std::string_view name;
  std::string_view description;
  bool reserved = false;
  std::vector<Handle> permissions;  ///< of a role, ascending; may be those of deleted ones

  // of a license
  policy::LicenseKind license_kind = policy::LicenseKind::subject;
  bool enabled = true;
  std::uint32_t max_subjects = 0;
  std::string_view url;

  std::string_view extensions;
};

[[nodiscard]] std::string encode(const EntityRecord& record);
/// False when the bytes are no such record; `record` is then partly filled and not to be used.
[[nodiscard]] bool decode(std::string_view bytes, EntityRecord& record);

/// Key of `ids`.
[[nodiscard]] std::string id_key(policy::EntityKind kind, std::string_view id);
[[nodiscard]] std::string user_id_key(std::string_view id);

}  // namespace postern::store
