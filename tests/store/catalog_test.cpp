// Permissions, roles, groups, licenses: what they give, and what is left when they go.

#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

struct Shop {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  std::string secret;

  Shop() {
    for (const char* id : {"shop.read", "shop.write", "project.read"})
      must(store.create_entity(alice, entity_of(EntityKind::permission, id)));
    must(store.create_entity(alice, role_of("shop.reader", {"shop.read"})));
    must(store.create_entity(alice, entity_of(EntityKind::group, "staff")));
    must(store.create_entity(alice, license_of("shop.pro", 2)));
    TokenSpec spec;
    spec.assignments.roles = {"shop.reader"};
    spec.assignments.groups = {"staff"};
    spec.assignments.permissions = {"shop.write"};
    spec.assignments.licenses = {"shop.pro"};
    spec.assignments.grants = {{"project.read", "project/42"}};
    secret = must(store.create_token(alice, spec)).secret;
  }
};

TEST_CASE("a token holds what it was given, by every way there is") {
  Shop shop;
  auto snapshot = shop.reader.snapshot();
  REQUIRE(snapshot.find(hash_secret(shop.secret), now(), loopback) == TokenState::valid);
  const policy::Subject& subject = snapshot.subject();
  const policy::Catalog& catalog = snapshot.catalog();
  CHECK(subject.holds_permission(catalog.handle(EntityKind::permission, "shop.read")));
  CHECK(subject.holds_permission(catalog.handle(EntityKind::permission, "shop.write")));
  CHECK_FALSE(subject.holds_permission(catalog.handle(EntityKind::permission, "project.read")));
  CHECK(subject.holds_grant(catalog.handle(EntityKind::permission, "project.read"), "project/42"));
  CHECK_FALSE(subject.holds_grant(catalog.handle(EntityKind::permission, "project.read"), "project/43"));
  CHECK(subject.holds_role(catalog.handle(EntityKind::role, "shop.reader")));
  CHECK(subject.holds_group(catalog.handle(EntityKind::group, "staff")));
  CHECK(subject.holds_license(catalog.handle(EntityKind::license, "shop.pro")));
}

TEST_CASE("a change of a role reaches its holders with the next look-up") {
  Shop shop;
  CHECK(may(shop.reader, shop.secret, "shop.read"));
  EntityChange change;
  change.remove_permissions = {"shop.read"};
  must(shop.store.update_entity(alice, EntityKind::role, "shop.reader", change));
  CHECK_FALSE(may(shop.reader, shop.secret, "shop.read"));
  change = {};
  change.add_permissions = {"shop.read", "project.read"};
  must(shop.store.update_entity(alice, EntityKind::role, "shop.reader", change));
  CHECK(may(shop.reader, shop.secret, "shop.read"));
  CHECK(may(shop.reader, shop.secret, "project.read"));
  change = {};
  change.permissions.emplace();
  must(shop.store.update_entity(alice, EntityKind::role, "shop.reader", change));
  CHECK_FALSE(may(shop.reader, shop.secret, "shop.read"));
  must_verify(shop.store);
}

TEST_CASE("what is deleted is taken from its holders at once, and its id made anew gives nothing back") {
  struct Case {
    EntityKind kind;
    const char* id;
  };
  for (const Case& one : {Case{EntityKind::permission, "shop.read"},
                          {EntityKind::permission, "shop.write"},
                          {EntityKind::permission, "project.read"},
                          {EntityKind::role, "shop.reader"},
                          {EntityKind::group, "staff"},
                          {EntityKind::license, "shop.pro"}}) {
    CAPTURE(one.id);
    Shop shop;
    const auto holds = [&] {
      auto snapshot = shop.reader.snapshot();
      REQUIRE(snapshot.find(hash_secret(shop.secret), now(), loopback) == TokenState::valid);
      const Handle handle = snapshot.catalog().handle(one.kind, one.id);
      const policy::Subject& subject = snapshot.subject();
      switch (one.kind) {
        case EntityKind::permission:
          return subject.holds_permission(handle) || subject.holds_grant(handle, "project/42");
        case EntityKind::role:
          return subject.holds_role(handle);
        case EntityKind::group:
          return subject.holds_group(handle);
        case EntityKind::license:
          return subject.holds_license(handle);
      }
      return false;
    };
    CHECK(holds());
    must(shop.store.delete_entity(alice, one.kind, one.id));
    CHECK_FALSE(holds());
    must_verify(shop.store);
    must(shop.store.create_entity(alice, entity_of(one.kind, one.id)));
    CHECK_FALSE(holds());
    must_verify(shop.store);
  }
}

TEST_CASE("what many held is swept from their records in batches, and never seen meanwhile") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  must(store.create_entity(alice, entity_of(EntityKind::permission, "shop.read")));
  must(store.create_entity(alice, role_of("shop.reader", {"shop.read"})));
  std::vector<TokenSpec> specs(3 * limits::sweep_records_max);
  for (TokenSpec& spec : specs) spec.assignments.roles = {"shop.reader"};
  const auto created = must(store.create_tokens(alice, specs));
  must(store.delete_entity(alice, EntityKind::role, "shop.reader"));
  must_verify(store);
  CHECK_FALSE(may(reader, created.back().secret, "shop.read"));

  const auto left = [&] {
    std::size_t count = 0;
    for (const CreatedToken& one : created) {
      auto snapshot = reader.snapshot();
      REQUIRE(snapshot.find(hash_secret(one.secret), now(), loopback) == TokenState::valid);
      count += snapshot.subject().roles.size();
    }
    return count;
  };
  std::size_t before = left();
  CHECK(before > 0);
  for (int i = 0; i < 4 && before > 0; ++i) {
    must(store.create_entity(alice, entity_of(EntityKind::group, "g" + std::to_string(i))));
    const std::size_t after = left();
    CHECK(after < before);
    CHECK(before - after <= limits::sweep_records_max);
    before = after;
    must_verify(store);
  }
  CHECK(before == 0);
  for (const Token& token : must(store.tokens({"", 0}))) CHECK(token.assignments.roles.empty());
}

TEST_CASE("a deleted permission is gone from every role of the catalog, however many wait to be swept") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Store::Declaration declaration;
  declaration.entities.push_back(entity_of(EntityKind::permission, "shop.read"));
  for (std::size_t i = 0; i < 2 * limits::sweep_records_max; ++i)
    declaration.entities.push_back(role_of("r" + std::to_string(i), {"shop.read"}));
  must(store.apply(alice, declaration));
  const Handle permission = must(store.catalog()).handle(EntityKind::permission, "shop.read");
  must(store.delete_entity(alice, EntityKind::permission, "shop.read"));
  const policy::Catalog catalog = must(store.catalog());
  for (const std::string_view role : catalog.ids(EntityKind::role))
    CHECK_FALSE(catalog.find(EntityKind::role, catalog.handle(EntityKind::role, role))
                    ->permissions.contains(permission));
  for (const Entity& role : must(store.entities(EntityKind::role))) CHECK(role.permissions.empty());
  must_verify(store);
}

TEST_CASE("the catalog is compiled anew exactly when it changed") {
  Shop shop;
  const auto catalog = [&] { return &shop.reader.snapshot().catalog(); };
  const policy::Catalog* first = catalog();
  const std::uint64_t version = first->version;
  must(shop.store.create_token(alice, {}));
  CHECK(catalog() == first);
  must(shop.store.create_entity(alice, entity_of(EntityKind::group, "night.shift")));
  const policy::Catalog* second = catalog();
  CHECK(second != first);
  CHECK(second->version == version + 1);
  CHECK(must(shop.store.catalog()).version == second->version);
}

TEST_CASE("seats: one each for users and tokens without owner, refused beyond, freed again") {
  Shop shop;  // its token has the first of two seats
  const auto taken = [&] { return must(shop.store.entity(EntityKind::license, "shop.pro")).subjects; };
  CHECK(taken() == 1);
  User anna = user_of("anna");
  anna.status = UserStatus::disabled;  // takes a seat all the same
  anna.assignments.licenses = {"shop.pro"};
  must(shop.store.create_user(alice, anna));
  CHECK(taken() == 2);

  TokenSpec third;
  third.assignments.licenses = {"shop.pro"};
  const auto refused = shop.store.create_token(alice, third);
  CHECK(failure(refused) == ErrorKind::exhausted);
  CHECK(refused.error().message.find("shop.pro") != std::string::npos);
  CHECK(refused.error().message.find("2 seats") != std::string::npos);
  TokenSpec owned;
  owned.owner = "anna";
  must(shop.store.create_token(alice, owned));  // follows its owner, takes no seat
  CHECK(taken() == 2);

  EntityChange fewer;
  fewer.max_subjects = 1;
  CHECK(failure(shop.store.update_entity(alice, EntityKind::license, "shop.pro", fewer)) ==
        ErrorKind::conflict);
  UserChange give_back;
  give_back.assignments.remove.licenses = {"shop.pro"};
  must(shop.store.update_user(alice, "anna", give_back));
  CHECK(taken() == 1);
  must(shop.store.update_entity(alice, EntityKind::license, "shop.pro", fewer));
  CHECK(failure(shop.store.create_token(alice, third)) == ErrorKind::exhausted);
  fewer.max_subjects = 0;  // unlimited
  must(shop.store.update_entity(alice, EntityKind::license, "shop.pro", fewer));
  must(shop.store.create_token(alice, third));
  CHECK(taken() == 2);
  must_verify(shop.store);
}

TEST_CASE("seats are counted within one batch too") {
  Shop shop;
  std::vector<TokenSpec> specs(2);
  for (TokenSpec& spec : specs) spec.assignments.licenses = {"shop.pro"};
  CHECK(failure(shop.store.create_tokens(alice, specs)) == ErrorKind::exhausted);
  CHECK(must(shop.store.entity(EntityKind::license, "shop.pro")).subjects == 1);
}

TEST_CASE("an application license is given to nobody") {
  Shop shop;
  must(shop.store.create_entity(alice, license_of("site", 0, LicenseKind::application)));
  TokenSpec spec;
  spec.assignments.licenses = {"site"};
  CHECK(failure(shop.store.create_token(alice, spec)) == ErrorKind::usage);
}

TEST_CASE("the reserved group and role are there from the start and stay") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  CHECK(must(store.entity(EntityKind::group, "postern.system")).reserved);
  CHECK(must(store.entity(EntityKind::role, "postern.admin")).reserved);
  CHECK(failure(store.delete_entity(alice, EntityKind::group, "postern.system")) == ErrorKind::conflict);
  CHECK(failure(store.delete_entity(alice, EntityKind::role, "postern.admin")) == ErrorKind::conflict);
  CHECK(failure(store.create_entity(alice, role_of("postern.other", {}))) == ErrorKind::invalid);
  must(store.create_entity(alice, entity_of(EntityKind::permission, "admin.use")));
  EntityChange change;
  change.add_permissions = {"admin.use"};
  must(store.update_entity(alice, EntityKind::role, "postern.admin", change));
  CHECK(must(store.entity(EntityKind::role, "postern.admin")).reserved);
  must_verify(store);
}

TEST_CASE("mistakes have names and change nothing") {
  Shop shop;
  const std::size_t records = must(shop.store.audit(0, 0)).size();
  const auto token_with = [](auto shape) {
    TokenSpec spec;
    shape(spec);
    return spec;
  };
  Store& store = shop.store;
  CHECK(failure(store.create_entity(alice, entity_of(EntityKind::group, "staff"))) == ErrorKind::conflict);
  CHECK(failure(store.create_entity(alice, role_of("r", {"no.such"}))) == ErrorKind::not_found);
  Entity group = entity_of(EntityKind::group, "g");
  group.permissions = {"shop.read"};
  CHECK(failure(store.create_entity(alice, group)) == ErrorKind::usage);
  CHECK(failure(store.create_entity(alice, license_of("l", 3, LicenseKind::application))) ==
        ErrorKind::usage);
  CHECK(failure(store.delete_entity(alice, EntityKind::role, "staff")) == ErrorKind::not_found);
  CHECK(failure(store.entity(EntityKind::role, std::string(5000, 'a'))) == ErrorKind::not_found);
  CHECK(failure(store.user(std::string(5000, 'a'))) == ErrorKind::not_found);
  CHECK(failure(store.create_token(alice, token_with([](auto& s) { s.owner = "nobody"; }))) ==
        ErrorKind::not_found);
  CHECK(failure(store.create_token(alice, token_with([](auto& s) { s.name = "a\nb"; }))) ==
        ErrorKind::invalid);
  CHECK(failure(store.create_token(alice, token_with([](auto& s) { s.name = std::string(300, 'a'); }))) ==
        ErrorKind::invalid);
  CHECK(failure(store.create_token(alice, token_with([](auto& s) { s.expires = -1; }))) ==
        ErrorKind::invalid);
  CHECK(failure(store.create_token(alice, token_with([](auto& s) { s.not_before = 9, s.expires = 9; }))) ==
        ErrorKind::invalid);
  CHECK(failure(store.create_token(alice, token_with([](auto& s) { s.id = "tok_short"; }))) ==
        ErrorKind::invalid);
  CHECK(failure(store.create_token(alice, token_with([](auto& s) {
                                     s.assignments.grants = {{"project.read", "project/\r\n42"}};
                                   }))) == ErrorKind::invalid);
  CHECK(failure(store.create_token(
            alice, token_with([](auto& s) {
              s.networks = {Network{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}, 104}};
            }))) == ErrorKind::invalid);
  must(store.create_user(alice, user_of("anna")));
  CHECK(failure(store.create_token(alice, token_with([](auto& s) {
                                     s.owner = "anna", s.assignments.roles = {"shop.reader"};
                                   }))) == ErrorKind::usage);
  CHECK(failure(store.create_user(alice, user_of("anna"))) == ErrorKind::conflict);
  CHECK(failure(store.create_user(alice, user_of("-anna"))) == ErrorKind::invalid);
  UserChange until;
  until.status = UserStatus::enabled_until;
  CHECK(failure(store.update_user(alice, "anna", until)) == ErrorKind::usage);
  CHECK(failure(store.create_user({"", ""}, user_of("bob"))) == ErrorKind::invalid);
  CHECK(must(store.audit(0, 0)).size() == records + 1);
  must_verify(store);
}

TEST_CASE("too many of anything is refused with its bound") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Store::Declaration declaration;
  TokenSpec spec;
  for (std::size_t i = 0; i <= limits::handles_per_subject_max; ++i) {
    declaration.entities.push_back(entity_of(EntityKind::group, "g" + std::to_string(i)));
    spec.assignments.groups.push_back("g" + std::to_string(i));
  }
  must(store.apply(alice, declaration));
  CHECK(failure(store.create_token(alice, spec)) == ErrorKind::invalid);
  spec.assignments.groups.pop_back();
  must(store.create_token(alice, spec));
  must_verify(store);
}

TEST_CASE("ids by their grammar") {
  for (const char* id : {"a", "shop.orders.read", "a1_b.2.c_", "postern.system"}) {
    CAPTURE(id);
    CHECK(entity_id_flaw(id).empty());
  }
  for (const char* id : {"", "A", "1a", "_a", ".a", "a.", "a..b", "a-b", "a b", "caf\xc3\xa9", "a\n"}) {
    CAPTURE(id);
    CHECK_FALSE(entity_id_flaw(id).empty());
  }
  for (const char* id : {"a", "0", "Anna@example.com", "a.b_c-d"}) {
    CAPTURE(id);
    CHECK(user_id_flaw(id).empty());
  }
  for (const char* id : {"", "-a", "@a", ".a", "a/b", "a b", "a\n", "\xc3\xa9"}) {
    CAPTURE(id);
    CHECK_FALSE(user_id_flaw(id).empty());
  }
  CHECK_FALSE(entity_id_flaw(std::string(129, 'a')).empty());
  CHECK_FALSE(user_id_flaw(std::string(129, 'a')).empty());
}

TEST_CASE("listings go page by page in order of id") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  for (const char* id : {"carol", "Bob", "anna", "dave"}) must(store.create_user(alice, user_of(id)));
  must(store.create_tokens(alice, std::vector<TokenSpec>(25)));
  const auto users = must(store.users({"", 2}));
  REQUIRE(users.size() == 2);
  CHECK(users[0].id == "Bob");
  CHECK(users[1].id == "anna");
  const auto rest = must(store.users({"anna", 0}));
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].id == "carol");

  std::vector<std::string> ids;
  for (Page page = {"", 10};; page.after = ids.back()) {
    const auto tokens = must(store.tokens(page));
    if (tokens.empty()) break;
    for (const Token& token : tokens) ids.push_back(token.id);
  }
  CHECK(ids.size() == 25);
  CHECK(std::is_sorted(ids.begin(), ids.end()));
}

}  // namespace
}  // namespace postern::store::test
