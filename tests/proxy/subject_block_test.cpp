// The headers that tell the upstream who is asking, byte by byte.

#include "proxy/subject_block.hpp"

#include <array>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "conf/limits.hpp"

using namespace postern;
using policy::Catalog;
using policy::EntityKind;
using policy::Subject;
using policy::SubjectType;

namespace {

Catalog::Entity entity(std::string id) {
  Catalog::Entity made;
  made.id = std::move(id);
  return made;
}

Catalog::Entity role(std::string id, const std::vector<Handle>& permissions) {
  Catalog::Entity made = entity(std::move(id));
  for (const Handle handle : permissions) made.permissions.insert(handle);
  return made;
}

/// What most examples need.
Catalog shop() {
  Catalog catalog;
  catalog.insert(EntityKind::group, 1, entity("staff"));
  catalog.insert(EntityKind::group, 2, entity("eu"));
  catalog.insert(EntityKind::permission, 1, entity("orders.write"));
  catalog.insert(EntityKind::permission, 2, entity("orders.read"));
  catalog.insert(EntityKind::permission, 3, entity("users.read"));
  catalog.insert(EntityKind::role, 1, role("writer", {1, 2}));
  catalog.insert(EntityKind::role, 2, role("reader", {2}));
  catalog.insert(EntityKind::license, 1, entity("pro"));
  Catalog::Entity off = entity("beta");
  off.enabled = false;
  catalog.insert(EntityKind::license, 2, off);
  return catalog;
}

std::string block_of(const Subject& subject, bool with_permissions = false,
                     std::string_view prefix = "X-Subject-") {
  std::array<char, limits::subject_block_bytes_max> bytes;
  return {bytes.data(), write_subject_block(subject, prefix, with_permissions, bytes)};
}

Subject token(const Catalog& catalog) {
  Subject subject;
  subject.type = SubjectType::token;
  subject.id = subject.token_id = "tok_0123456789abcdef";
  subject.catalog = &catalog;
  return subject;
}

}  // namespace

TEST_CASE("a subject is told in a fixed order, its lists sorted by id") {
  const Catalog catalog = shop();
  const std::vector<Handle> both{1, 2};
  Subject user = token(catalog);
  user.type = SubjectType::user;
  user.id = "ada@example.org";
  user.name = "Ada";
  user.groups = user.roles = both;
  user.licenses = both;
  const std::string block =
      "X-Subject-Id: ada@example.org\r\nX-Subject-Name: Ada\r\nX-Subject-Type: user\r\n"
      "X-Subject-Token-Id: tok_0123456789abcdef\r\nX-Subject-Groups: eu,staff\r\nX-Subject-Roles: "
      "reader,writer\r\n"
      "X-Subject-Licenses: pro\r\n";
  CHECK(block_of(user) == block);

  const std::vector<Handle> direct{3};
  user.permissions = direct;
  CHECK(block_of(user, true) == block + "X-Subject-Permissions: orders.read,orders.write,users.read\r\n");
  CHECK(block_of(user, false, "Remote-").substr(0, 28) == "Remote-Id: ada@example.org\r\n");
}

TEST_CASE("an anonymous subject has a type and nothing else") {
  CHECK(block_of(Subject{}) == "X-Subject-Type: anonymous\r\n");
  CHECK(block_of(Subject{}, true) == "X-Subject-Type: anonymous\r\n");
}

TEST_CASE("what a subject does not hold is an empty line: nobody mistakes it for another's") {
  const Catalog catalog = shop();
  CHECK(block_of(token(catalog), true) ==
        "X-Subject-Id: tok_0123456789abcdef\r\nX-Subject-Name: \r\nX-Subject-Type: token\r\n"
        "X-Subject-Token-Id: tok_0123456789abcdef\r\nX-Subject-Groups: \r\nX-Subject-Roles: \r\n"
        "X-Subject-Licenses: \r\nX-Subject-Permissions: \r\n");
}

TEST_CASE("what was deleted from the catalog is not held, and neither is a disabled license") {
  const Catalog catalog = shop();
  const std::vector<Handle> gone{1, 7, 4000000};
  const std::vector<Handle> disabled{2};
  Subject subject = token(catalog);
  subject.groups = subject.roles = subject.permissions = gone;
  subject.licenses = disabled;
  const std::string block = block_of(subject, true);
  CHECK(block.find("Groups: staff\r\n") != std::string::npos);
  CHECK(block.find("Roles: writer\r\n") != std::string::npos);
  CHECK(block.find("Permissions: orders.read,orders.write\r\n") != std::string::npos);
  CHECK(block.find("Licenses: \r\n") != std::string::npos);
}

TEST_CASE("a name is UTF-8, percent-encoded") {
  const Catalog catalog = shop();
  struct Row {
    std::string name, written;
  };
  for (const Row& row : {Row{"Ada Lovelace", "Ada%20Lovelace"}, Row{"100%", "100%25"},
                         Row{"\xc3\x84rger", "%C3%84rger"}, Row{"a\r\nX-Admin: 1", "a%0D%0AX-Admin:%201"},
                         Row{std::string("a\0b", 3), "a%00b"}, Row{"\x7f\t", "%7F%09"},
                         Row{"\xf0\x9f\x94\x91", "%F0%9F%94%91"}, Row{"a,b;c=\"d\"", "a,b;c=\"d\""}}) {
    CAPTURE(row.written);
    Subject subject = token(catalog);
    subject.name = row.name;
    CHECK(block_of(subject).find("X-Subject-Name: " + row.written + "\r\n") != std::string::npos);
  }
}

TEST_CASE("a value that no header may carry is left out, and the upstream is told so") {
  const Catalog catalog = shop();
  for (const std::string& bad : {std::string("a\rb"), std::string("a\nb"), std::string("a\0b", 3),
                                 std::string("a\tb"), std::string("a\x7f"), std::string("caf\xc3\xa9")}) {
    Subject subject = token(catalog);
    subject.id = bad;
    const std::string block = block_of(subject);
    CHECK(block.substr(0, 16) == "X-Subject-Name: ");
    CHECK(block.find(bad) == std::string::npos);
    CHECK(block.find("X-Subject-Type: token\r\n") != std::string::npos);
    CHECK(block.substr(block.size() - 24) == "X-Subject-Truncated: 1\r\n");
  }
}

TEST_CASE("an id of the catalog is checked again before it is injected") {
  for (const std::string bad : {"a\r\nX-Subject-Id: root", "a,b", "a\nb", "\xc3\xa9"}) {
    Catalog catalog = shop();
    catalog.insert(EntityKind::group, 3, entity(bad));
    const std::vector<Handle> groups{1, 3};
    Subject subject = token(catalog);
    subject.groups = groups;
    const std::string block = block_of(subject);
    CAPTURE(block);
    CHECK(block.find("X-Subject-Groups") == std::string::npos);
    CHECK(block.find("root") == std::string::npos);
    CHECK(block.find("X-Subject-Roles: \r\n") != std::string::npos);
    CHECK(block.find("X-Subject-Truncated: 1\r\n") != std::string::npos);
  }
}

TEST_CASE("a list that does not fit is left out whole, what follows it is not, and the block stays bounded") {
  Catalog catalog = shop();
  std::vector<Handle> many;
  for (Handle handle = 10; handle < 60; ++handle) {
    catalog.insert(EntityKind::group, handle, entity(std::string(100, 'g') + std::to_string(handle)));
    many.push_back(handle);
  }
  const std::vector<Handle> one{2};
  Subject subject = token(catalog);
  subject.groups = many;
  subject.roles = one;
  const std::string block = block_of(subject);
  CHECK(block.size() <= limits::subject_block_bytes_max);
  CHECK(block.find("Groups") == std::string::npos);
  CHECK(block.find("X-Subject-Roles: reader\r\nX-Subject-Licenses: \r\nX-Subject-Truncated: 1\r\n") !=
        std::string::npos);
}

TEST_CASE("the room of the block is used to the last byte before the marker") {
  Catalog catalog;
  const std::string prefix = "X-Subject-";
  const std::string empty = block_of(token(catalog));
  const std::size_t room =
      limits::subject_block_bytes_max - (prefix + "Truncated: 1\r\n").size() - empty.size();
  for (const std::size_t size : {room - 1, room, room + 1}) {
    catalog.insert(EntityKind::license, 1, entity(std::string(size, 'l')));
    const std::vector<Handle> licenses{1};
    Subject subject = token(catalog);
    subject.licenses = licenses;
    const std::string block = block_of(subject);
    CAPTURE(size);
    CHECK((block.find("Truncated") != std::string::npos) == (size > room));
    CHECK((block.find("Licenses") == std::string::npos) == (size > room));
  }
}

TEST_CASE("roles that overlap do not push each other out of the permissions") {
  Catalog catalog;
  std::vector<Handle> permissions;
  for (Handle handle = 1; handle <= 100; ++handle) {
    catalog.insert(EntityKind::permission, handle, entity("p" + std::to_string(handle)));
    permissions.push_back(handle);
  }
  std::vector<Handle> roles;
  for (Handle handle = 1; handle <= 50; ++handle) {  // 5,000 permissions, a hundred different ones
    catalog.insert(EntityKind::role, handle, role("r" + std::to_string(handle), permissions));
    roles.push_back(handle);
  }
  Subject subject = token(catalog);
  subject.roles = roles;
  const std::string block = block_of(subject, true);
  CHECK(block.find("Truncated") == std::string::npos);
  CHECK(block.find("X-Subject-Permissions: p1,p10,p100,p11,") != std::string::npos);
  CHECK(block.find(",p99\r\n") != std::string::npos);
}

TEST_CASE("more permissions than can be listed are left out, never listed in part") {
  Catalog catalog;
  std::vector<Handle> permissions;
  for (Handle handle = 1; handle <= 600; ++handle) {
    catalog.insert(EntityKind::permission, handle, entity("p" + std::to_string(handle)));
    permissions.push_back(handle);
  }
  catalog.insert(EntityKind::role, 1, role("all", permissions));
  const std::vector<Handle> roles{1};
  Subject subject = token(catalog);
  subject.roles = roles;
  const std::string block = block_of(subject, true);
  CHECK(block.find("Permissions") == std::string::npos);
  CHECK(block.find("X-Subject-Truncated: 1\r\n") != std::string::npos);
}
