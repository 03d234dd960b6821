#include "policy/subject.hpp"

#include <array>
#include <doctest/doctest.h>
#include <vector>

namespace postern::policy {
namespace {

Catalog::Entity named(std::string id) {
  Catalog::Entity entity;
  entity.id = std::move(id);
  return entity;
}

Catalog::Entity license(std::string id, LicenseKind kind, bool enabled) {
  Catalog::Entity entity = named(std::move(id));
  entity.license_kind = kind;
  entity.enabled = enabled;
  return entity;
}

TEST_CASE("a catalog finds by handle and by id") {
  Catalog catalog;
  catalog.insert(EntityKind::role, 7, named("shop.clerk"));
  CHECK(catalog.handle(EntityKind::role, "shop.clerk") == 7);
  CHECK(catalog.find(EntityKind::role, 7)->id == "shop.clerk");
  CHECK(catalog.handle(EntityKind::role, "shop.boss") == no_handle);
  CHECK(catalog.find(EntityKind::role, 6) == nullptr);
  CHECK(catalog.find(EntityKind::role, 8) == nullptr);
  CHECK(catalog.find(EntityKind::role, no_handle) == nullptr);
  CHECK(catalog.handle(EntityKind::group, "shop.clerk") == no_handle);
}

TEST_CASE("a handle that is named anew forgets its old id") {
  Catalog catalog;
  catalog.insert(EntityKind::group, 1, named("old"));
  catalog.insert(EntityKind::group, 1, named("new"));
  CHECK(catalog.handle(EntityKind::group, "old") == no_handle);
  CHECK(catalog.handle(EntityKind::group, "new") == 1);
}

TEST_CASE("the ids of a kind come sorted") {
  Catalog catalog;
  catalog.insert(EntityKind::permission, 1, named("b"));
  catalog.insert(EntityKind::permission, 2, named("a"));
  catalog.insert(EntityKind::role, 1, named("c"));
  CHECK(catalog.ids(EntityKind::permission) == std::vector<std::string_view>{"a", "b"});
}

TEST_CASE("a subject holds what it was given, while it exists") {
  Catalog catalog;
  catalog.insert(EntityKind::permission, 1, named("read"));
  catalog.insert(EntityKind::permission, 2, named("write"));
  catalog.insert(EntityKind::permission, 3, named("erase"));
  Catalog::Entity clerk = named("clerk");
  clerk.permissions.insert(2);
  clerk.permissions.insert(9);  // deleted since
  catalog.insert(EntityKind::role, 1, clerk);
  catalog.insert(EntityKind::group, 1, named("staff"));

  const std::array<Handle, 2> permissions = {1, 8};  // 8 was deleted
  const std::array<Handle, 2> roles = {1, 5};        // 5 was deleted
  const std::array<Handle, 2> groups = {1, 2};       // 2 was deleted
  const std::array<Grant, 2> grants = {Grant{3, "project/42"}, Grant{8, "project/42"}};
  Subject subject;
  subject.permissions = permissions;
  subject.roles = roles;
  subject.groups = groups;
  subject.grants = grants;
  subject.catalog = &catalog;

  CHECK(subject.holds_permission(1));
  CHECK(subject.holds_permission(2));  // by the role
  CHECK_FALSE(subject.holds_permission(3));
  CHECK_FALSE(subject.holds_permission(8));
  CHECK_FALSE(subject.holds_permission(9));
  CHECK_FALSE(subject.holds_permission(no_handle));
  CHECK(subject.holds_role(1));
  CHECK_FALSE(subject.holds_role(5));
  CHECK(subject.holds_group(1));
  CHECK_FALSE(subject.holds_group(2));
  CHECK(subject.holds_grant(3, "project/42"));
  CHECK_FALSE(subject.holds_grant(3, "project/4"));
  CHECK_FALSE(subject.holds_grant(3, "project/421"));
  CHECK_FALSE(subject.holds_grant(8, "project/42"));
  CHECK_FALSE(subject.holds_grant(1, "project/42"));
}

TEST_CASE("a license is held when it is assigned, enabled and one for subjects") {
  Catalog catalog;
  catalog.insert(EntityKind::license, 1, license("pro", LicenseKind::subject, true));
  catalog.insert(EntityKind::license, 2, license("paused", LicenseKind::subject, false));
  catalog.insert(EntityKind::license, 3, license("site", LicenseKind::application, true));
  const std::array<Handle, 4> held = {1, 2, 3, 4};
  Subject subject;
  subject.catalog = &catalog;
  CHECK_FALSE(subject.holds_license(1));
  subject.licenses = held;
  CHECK(subject.holds_license(1));
  CHECK_FALSE(subject.holds_license(2));
  CHECK_FALSE(subject.holds_license(3));
  CHECK_FALSE(subject.holds_license(4));
}

TEST_CASE("a default subject is anonymous and holds nothing") {
  const Subject nobody;
  CHECK(to_string(nobody.type) == "anonymous");
  CHECK_FALSE(nobody.holds_permission(1));
  CHECK_FALSE(nobody.holds_grant(1, "x"));
  CHECK_FALSE(nobody.holds_role(1));
  CHECK_FALSE(nobody.holds_group(1));
  CHECK_FALSE(nobody.holds_license(1));
}

}  // namespace
}  // namespace postern::policy
