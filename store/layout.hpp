// The names and keys of everything in the store. README.md is the specification; what stands here is on disk.

#pragma once

#include <array>
#include <cstdint>
#include <lmdb.h>
#include <optional>
#include <string_view>

#include "conf/strong.hpp"
#include "policy/subject.hpp"

namespace postern::store {

/// The format that this build writes and the newest it reads.
inline constexpr std::uint64_t format_version = 1;

/// One handle per named database. Opened once per environment and shared by all its transactions.
struct Databases {
  MDB_dbi meta, ids, permissions, roles, groups, licenses, users, tokens, secrets;
  MDB_dbi token_holders, user_holders, role_holders, owned, expiries, rotated, sweeps, audit;

  [[nodiscard]] MDB_dbi entities(policy::EntityKind kind) const noexcept {
    switch (kind) {
      case policy::EntityKind::permission:
        return permissions;
      case policy::EntityKind::role:
        return roles;
      case policy::EntityKind::group:
        return groups;
      case policy::EntityKind::license:
        return licenses;
    }
    return permissions;
  }
};

/// A named database and how it is kept.
struct DatabaseName {
  const char* name;
  unsigned flags;
  MDB_dbi Databases::*handle;
};
inline constexpr unsigned set_of_keys = MDB_DUPSORT | MDB_DUPFIXED;
inline constexpr std::array database_names = {
    DatabaseName{"meta", 0, &Databases::meta},
    DatabaseName{"ids", 0, &Databases::ids},
    DatabaseName{"permissions", 0, &Databases::permissions},
    DatabaseName{"roles", 0, &Databases::roles},
    DatabaseName{"groups", 0, &Databases::groups},
    DatabaseName{"licenses", 0, &Databases::licenses},
    DatabaseName{"users", 0, &Databases::users},
    DatabaseName{"tokens", 0, &Databases::tokens},
    DatabaseName{"secrets", 0, &Databases::secrets},
    DatabaseName{"token_holders", set_of_keys, &Databases::token_holders},
    DatabaseName{"user_holders", set_of_keys, &Databases::user_holders},
    DatabaseName{"role_holders", set_of_keys, &Databases::role_holders},
    DatabaseName{"owned", set_of_keys, &Databases::owned},
    DatabaseName{"expiries", set_of_keys, &Databases::expiries},
    DatabaseName{"rotated", set_of_keys, &Databases::rotated},
    DatabaseName{"sweeps", 0, &Databases::sweeps},
    DatabaseName{"audit", 0, &Databases::audit},
};

/// Keys of `meta`.
namespace meta_key {
inline constexpr std::string_view format = "format";
inline constexpr std::string_view store_id = "store_id";
inline constexpr std::string_view created = "created";
inline constexpr std::string_view catalog_version = "catalog_version";
inline constexpr std::string_view imported_secrets = "imported_secrets";
inline constexpr std::string_view token_prefixes = "token_prefixes";
inline constexpr std::string_view audit_head = "audit_head";
inline constexpr std::string_view audit_checkpoint = "audit_checkpoint";
inline constexpr std::string_view declared_in = "declared_in";
inline constexpr std::string_view next_user = "next_user";
[[nodiscard]] constexpr std::string_view next_entity(policy::EntityKind kind) noexcept {
  switch (kind) {
    case policy::EntityKind::permission:
      return "next_permission";
    case policy::EntityKind::role:
      return "next_role";
    case policy::EntityKind::group:
      return "next_group";
    case policy::EntityKind::license:
      return "next_license";
  }
  return {};
}
}  // namespace meta_key

inline constexpr std::array entity_kinds = {policy::EntityKind::permission, policy::EntityKind::role,
                                            policy::EntityKind::group, policy::EntityKind::license};

/// A key of fixed size: a kind byte where one is needed, then big-endian numbers, so that keys sort as
/// numbers do.
template <std::size_t size>
struct FixedKey {
  std::array<char, size> bytes = {};
  [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), size}; }
};

template <class Unsigned>
constexpr void write_big_endian(Unsigned value, char* out) noexcept {
  for (std::size_t i = sizeof value; i-- > 0; value = static_cast<Unsigned>(value >> 8))
    out[i] = static_cast<char>(value & 0xff);
}
template <class Unsigned>
[[nodiscard]] constexpr Unsigned read_big_endian(const char* bytes) noexcept {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value = static_cast<Unsigned>(value << 8 | static_cast<std::uint8_t>(bytes[i]));
  return value;
}

/// Key of a record by handle, and of `owned` (a user's) and `role_holders` (a permission's).
[[nodiscard]] inline FixedKey<4> handle_key(Handle handle) noexcept {
  FixedKey<4> key;
  write_big_endian(handle, key.bytes.data());
  return key;
}
[[nodiscard]] inline std::optional<Handle> handle_of_key(std::string_view key) noexcept {
  if (key.size() != 4) return std::nullopt;
  return read_big_endian<Handle>(key.data());
}

/// A permission, role, group or license by its number: key of `token_holders`, `user_holders` and `sweeps`.
struct Reference {
  policy::EntityKind kind = policy::EntityKind::permission;
  Handle handle = no_handle;
  friend auto operator<=>(const Reference&, const Reference&) = default;
};
[[nodiscard]] inline FixedKey<5> reference_key(const Reference& reference) noexcept {
  FixedKey<5> key;
  key.bytes[0] = static_cast<char>(reference.kind);
  write_big_endian(reference.handle, key.bytes.data() + 1);
  return key;
}
[[nodiscard]] inline std::optional<Reference> reference_of_key(std::string_view key) noexcept {
  if (key.size() != 5 || key[0] < 1 || key[0] > 4) return std::nullopt;
  return Reference{static_cast<policy::EntityKind>(key[0]), read_big_endian<Handle>(key.data() + 1)};
}

/// Key of `ids`: a kind byte, then the text. Users stand beside the four kinds of entities.
inline constexpr char user_id_kind = 5;

/// Key of `audit`.
[[nodiscard]] inline FixedKey<8> sequence_key(std::uint64_t sequence) noexcept {
  FixedKey<8> key;
  write_big_endian(sequence, key.bytes.data());
  return key;
}

}  // namespace postern::store
