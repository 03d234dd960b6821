// Who is asking, resolved, and the catalog that gives handles their meaning. Views only: made by the store
// for the length of one uninterrupted look-up and decision, never kept.

#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/strong.hpp"

namespace postern::policy {

/// A set of handles of one kind, one bit each.
class HandleSet {
 public:
  void insert(Handle handle) {
    const std::size_t word = handle / 64;
    if (word >= words_.size()) words_.resize(word + 1);
    words_[word] |= std::uint64_t{1} << (handle % 64);
  }
  [[nodiscard]] bool contains(Handle handle) const noexcept {
    const std::size_t word = handle / 64;
    return word < words_.size() && (words_[word] >> (handle % 64) & 1) != 0;
  }

  /// Calls `each(handle)` in ascending order.
  template <class Each>
  void for_each(Each each) const {
    for (std::size_t word = 0; word < words_.size(); ++word)
      for (std::uint64_t bits = words_[word]; bits != 0; bits &= bits - 1)
        each(static_cast<Handle>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits))));
  }

 private:
  std::vector<std::uint64_t> words_;
};

enum class EntityKind : std::uint8_t {  // on disk, do not renumber
  permission = 1,
  role = 2,
  group = 3,
  license = 4,
};
[[nodiscard]] std::string_view to_string(EntityKind kind) noexcept;

enum class LicenseKind : std::uint8_t { subject = 1, application = 2 };  // on disk, do not renumber

/// Roles, permissions, groups and licenses compiled for reading: immutable, one per shard and catalog
/// version. A handle that is not in it was deleted: whoever still refers to it holds nothing by it.
class Catalog {
 public:
  struct Entity {
    std::string id;  ///< empty: deleted or never made
    std::string name;
    HandleSet permissions;                            ///< of a role
    LicenseKind license_kind = LicenseKind::subject;  ///< of a license
    bool enabled = true;                              ///< of a license
  };

  std::uint64_t version = 0;  ///< the store's catalog version it was made from

  void insert(EntityKind kind, Handle handle, Entity entity);
  /// no_handle when there is none of that id.
  [[nodiscard]] Handle handle(EntityKind kind, std::string_view id) const noexcept;
  /// Null pointer when deleted or unknown.
  [[nodiscard]] const Entity* find(EntityKind kind, Handle handle) const noexcept;
  /// Greater than any of this kind.
  [[nodiscard]] Handle next_handle(EntityKind kind) const noexcept;
  /// All ids of a kind, sorted, for "did you mean".
  [[nodiscard]] std::vector<std::string_view> ids(EntityKind kind) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Table {
    std::vector<Entity> by_handle;
    std::unordered_map<std::string, Handle, Hash, std::equal_to<>> by_id;
  };
  Table tables_[4];
};

enum class SubjectType : std::uint8_t { anonymous = 0, token, user };
[[nodiscard]] std::string_view to_string(SubjectType type) noexcept;

/// A permission on one resource: `project.read` on `project/42`.
struct Grant {
  Handle permission = no_handle;
  std::string_view resource;
};

/// Who is asking. Every view belongs to the look-up that made it. A default one is anonymous and holds
/// nothing. For an owned token, `id`, `name` and all rights are the user's; `token_id` is the token's.
struct Subject {
  SubjectType type = SubjectType::anonymous;
  std::string_view id;    ///< token id or user id
  std::string_view name;  ///< UTF-8, may be empty
  std::string_view token_id;
  std::span<const Handle> permissions, roles, groups, licenses;  ///< held directly, ascending
  std::span<const Grant> grants;
  const Catalog* catalog = nullptr;  ///< never null unless anonymous
  std::string_view certificate;      ///< subject of the connection's verified client certificate, if any

  /// Directly or through a role, on every resource.
  [[nodiscard]] bool holds_permission(Handle permission) const noexcept;
  /// By a grant on exactly this resource.
  [[nodiscard]] bool holds_grant(Handle permission, std::string_view resource) const noexcept;
  [[nodiscard]] bool holds_role(Handle role) const noexcept;
  [[nodiscard]] bool holds_group(Handle group) const noexcept;
  /// A subject license: assigned, existing and enabled.
  [[nodiscard]] bool holds_license(Handle license) const noexcept;
};

}  // namespace postern::policy
