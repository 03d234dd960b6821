// A store in a temporary directory, and short words for what the tests do with it.

#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <utility>

#include "conf/limits.hpp"
#include "store/reader.hpp"
#include "store/secret.hpp"
#include "store/store.hpp"

namespace postern::store::test {

/// A directory of its own for a test, gone at its end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "postern-store-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// A file of the store in a directory.
inline std::string file_of(const TemporaryDirectory& directory, const std::string& name) {
  return directory.path() / "postern.store" / name;
}

inline const Actor alice = {"os:alice", ""};

/// The value, or the test ends with the error's sentence.
template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}
inline void must(const Status& status) {
  if (!status) FAIL(status.error().message);
}
/// The kind of error of something that must fail.
template <class T>
ErrorKind failure(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  CHECK_FALSE(result.error().message.empty());
  return result.error().kind;
}

/// Not durable by default: what is tested is not the disk.
inline Store open_store(const TemporaryDirectory& directory, OpenOptions options = {}) {
  options.directory = directory.path();
  options.durable = false;
  return must(Store::open(options));
}

/// No problem, or the test ends with the first.
inline void must_verify(const Store& store) {
  const VerifyReport report = must(store.verify());
  if (!report.problems.empty()) FAIL(report.problems.front());
}

inline Entity entity_of(EntityKind kind, std::string id) {
  Entity entity;
  entity.kind = kind;
  entity.id = std::move(id);
  return entity;
}
inline Entity role_of(std::string id, std::vector<std::string> permissions) {
  Entity entity = entity_of(EntityKind::role, std::move(id));
  entity.permissions = std::move(permissions);
  return entity;
}
inline Entity license_of(std::string id, std::uint32_t seats, LicenseKind kind = LicenseKind::subject) {
  Entity entity = entity_of(EntityKind::license, std::move(id));
  entity.license_kind = kind;
  entity.max_subjects = seats;
  return entity;
}
inline User user_of(std::string id) {
  User user;
  user.id = std::move(id);
  return user;
}

using Address = std::array<std::uint8_t, 16>;
inline constexpr Address loopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
inline UnixSeconds now() {
  return static_cast<UnixSeconds>(std::time(nullptr));
}

/// What one look-up in a fresh snapshot says.
inline TokenState state_of(Reader& reader, std::string_view secret, UnixSeconds at = now(),
                           const Address& address = loopback) {
  auto snapshot = reader.snapshot();
  REQUIRE(snapshot.ok());
  return snapshot.find(hash_secret(secret), at, address);
}

/// Whether the token holds the permission, by name, as a rule would ask.
inline bool may(Reader& reader, std::string_view secret, std::string_view permission) {
  auto snapshot = reader.snapshot();
  if (snapshot.find(hash_secret(secret), now(), loopback) != TokenState::valid) return false;
  return snapshot.subject().holds_permission(snapshot.catalog().handle(EntityKind::permission, permission));
}

}  // namespace postern::store::test

namespace doctest {
template <>
struct StringMaker<postern::store::TokenState> {
  static String convert(postern::store::TokenState state) {
    const std::string_view name = postern::store::to_string(state);
    return String(name.data(), static_cast<unsigned>(name.size()));
  }
};
template <>
struct StringMaker<postern::ErrorKind> {
  static String convert(postern::ErrorKind kind) {
    constexpr const char* names[] = {"internal", "usage",     "invalid",     "not_found",
                                     "conflict", "exhausted", "unavailable", "incompatible"};
    return names[static_cast<unsigned>(kind)];
  }
};
}  // namespace doctest
