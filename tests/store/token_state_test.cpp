// What a look-up says of a token in each of its states, and in which order it is asked.

#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

constexpr UnixSeconds t0 = 4'000'000'000;  // far ahead, so that no real clock comes near

Network network(std::array<std::uint8_t, 4> address, std::uint8_t prefix) {
  Network made = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, static_cast<std::uint8_t>(96 + prefix)};
  std::copy(address.begin(), address.end(), made.address + 12);
  return made;
}

struct World {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));

  std::string token(TokenSpec spec) { return must(store.create_token(alice, std::move(spec))).secret; }
};

TEST_CASE("each state of a token") {
  struct Case {
    const char* name;
    void (*shape)(TokenSpec&);
    TokenState at_t0;
  };
  const Case cases[] = {
      {"plain", [](TokenSpec&) {}, TokenState::valid},
      {"expires one second later", [](TokenSpec& s) { s.expires = t0 + 1; }, TokenState::valid},
      {"expires now", [](TokenSpec& s) { s.expires = t0; }, TokenState::expired},
      {"expired long ago", [](TokenSpec& s) { s.expires = 1; }, TokenState::expired},
      {"begins now", [](TokenSpec& s) { s.not_before = t0; }, TokenState::valid},
      {"begins one second later", [](TokenSpec& s) { s.not_before = t0 + 1; }, TokenState::not_yet_valid},
      {"disabled", [](TokenSpec& s) { s.enabled = false; }, TokenState::disabled},
      {"canary", [](TokenSpec& s) { s.canary = true; }, TokenState::canary},
      {"canary, disabled and expired",
       [](TokenSpec& s) {
         s.canary = true;
         s.enabled = false;
         s.expires = 1;
       },
       TokenState::canary},
      {"disabled and expired: disabled is said", [](TokenSpec& s) { s.enabled = false, s.expires = 1; },
       TokenState::disabled},
      {"from our network",
       [](TokenSpec& s) {
         s.networks = {network({127, 0, 0, 0}, 8)};
       },
       TokenState::valid},
      {"from one of two networks",
       [](TokenSpec& s) {
         s.networks = {network({10, 0, 0, 0}, 8), network({127, 0, 0, 1}, 32)};
       },
       TokenState::valid},
      {"from another network",
       [](TokenSpec& s) {
         s.networks = {network({10, 0, 0, 0}, 8)};
       },
       TokenState::address_refused},
      {"expired and from another network: expired is said",
       [](TokenSpec& s) {
         s.expires = 1, s.networks = {network({10, 0, 0, 0}, 8)};
       },
       TokenState::expired},
      {"owner enabled", [](TokenSpec& s) { s.owner = "enabled"; }, TokenState::valid},
      {"owner disabled", [](TokenSpec& s) { s.owner = "disabled"; }, TokenState::owner_disabled},
      {"owner enabled until now", [](TokenSpec& s) { s.owner = "until-now"; }, TokenState::owner_disabled},
      {"owner enabled one second longer", [](TokenSpec& s) { s.owner = "until-later"; }, TokenState::valid},
      {"owner enabled, token expired", [](TokenSpec& s) { s.owner = "enabled", s.expires = 1; },
       TokenState::expired},
      {"owner disabled, other network: the owner is said",
       [](TokenSpec& s) {
         s.owner = "disabled", s.networks = {network({10, 0, 0, 0}, 8)};
       },
       TokenState::owner_disabled},
  };
  World world;
  const auto user = [&](const char* id, UserStatus status, UnixSeconds until) {
    User made = user_of(id);
    made.status = status;
    made.enabled_until = until;
    must(world.store.create_user(alice, made));
  };
  user("enabled", UserStatus::enabled, 0);
  user("disabled", UserStatus::disabled, 0);
  user("until-now", UserStatus::enabled_until, t0);
  user("until-later", UserStatus::enabled_until, t0 + 1);

  for (const Case& one : cases) {
    CAPTURE(one.name);
    TokenSpec spec;
    one.shape(spec);
    const CreatedToken created = must(world.store.create_token(alice, spec));
    auto snapshot = world.reader.snapshot();
    CHECK(snapshot.find(hash_secret(created.secret), t0, loopback) == one.at_t0);
    CHECK(snapshot.token_id() == created.token.id);
    CHECK((snapshot.subject().type != policy::SubjectType::anonymous) == (one.at_t0 == TokenState::valid));
  }
  must_verify(world.store);
}

TEST_CASE("an unknown secret has neither token nor subject") {
  World world;
  const std::string secret = world.token({});
  auto snapshot = world.reader.snapshot();
  CHECK(snapshot.find(hash_secret(secret), now(), loopback) == TokenState::valid);
  CHECK(snapshot.find(hash_secret("no such secret"), now(), loopback) == TokenState::unknown);
  CHECK(snapshot.token_id().empty());
  CHECK(snapshot.subject().type == policy::SubjectType::anonymous);
  CHECK(snapshot.subject().roles.empty());
}

TEST_CASE("a token without owner is its own subject; an owned one is its user") {
  World world;
  must(world.store.create_entity(alice, entity_of(EntityKind::permission, "shop.read")));
  must(world.store.create_entity(alice, role_of("shop.reader", {"shop.read"})));
  User anna = user_of("anna@example.com");
  anna.name = "Anna \xc3\x85";
  anna.assignments.roles = {"shop.reader"};
  must(world.store.create_user(alice, anna));
  TokenSpec own, owned;
  own.name = "robot";
  owned.name = "anna's laptop";
  owned.owner = anna.id;
  const CreatedToken robot = must(world.store.create_token(alice, own));
  const CreatedToken laptop = must(world.store.create_token(alice, owned));

  auto snapshot = world.reader.snapshot();
  REQUIRE(snapshot.find(hash_secret(robot.secret), now(), loopback) == TokenState::valid);
  CHECK(snapshot.subject().type == policy::SubjectType::token);
  CHECK(snapshot.subject().id == robot.token.id);
  CHECK(snapshot.subject().name == "robot");
  CHECK(snapshot.subject().roles.empty());

  REQUIRE(snapshot.find(hash_secret(laptop.secret), now(), loopback) == TokenState::valid);
  CHECK(snapshot.subject().type == policy::SubjectType::user);
  CHECK(snapshot.subject().id == "anna@example.com");
  CHECK(snapshot.subject().name == "Anna \xc3\x85");
  CHECK(snapshot.subject().token_id == laptop.token.id);
  CHECK(snapshot.subject().roles.size() == 1);
  CHECK(snapshot.subject().holds_permission(snapshot.catalog().handle(EntityKind::permission, "shop.read")));
}

TEST_CASE("expires() is the earlier end of token and owner") {
  World world;
  User user = user_of("anna");
  user.status = UserStatus::enabled_until;
  user.enabled_until = t0 + 100;
  must(world.store.create_user(alice, user));
  struct Case {
    UnixSeconds token_expires;
    const char* owner;
    UnixSeconds expected;
  };
  for (const Case& one : {Case{0, "", 0},
                          {t0 + 50, "", t0 + 50},
                          {0, "anna", t0 + 100},
                          {t0 + 50, "anna", t0 + 50},
                          {t0 + 500, "anna", t0 + 100}}) {
    CAPTURE(one.token_expires);
    CAPTURE(one.owner);
    TokenSpec spec;
    spec.expires = one.token_expires;
    spec.owner = one.owner;
    const std::string secret = world.token(spec);
    auto snapshot = world.reader.snapshot();
    REQUIRE(snapshot.find(hash_secret(secret), t0, loopback) == TokenState::valid);
    CHECK(snapshot.expires() == one.expected);
  }
}

TEST_CASE("disabling, enabling and deleting show in the next look-up") {
  World world;
  const CreatedToken created = must(world.store.create_token(alice, {}));
  CHECK(state_of(world.reader, created.secret) == TokenState::valid);
  must(world.store.set_token_enabled(alice, created.token.id, false));
  CHECK(state_of(world.reader, created.secret) == TokenState::disabled);
  must(world.store.set_token_enabled(alice, created.token.id, true));
  CHECK(state_of(world.reader, created.secret) == TokenState::valid);
  must(world.store.delete_token(alice, created.token.id));
  CHECK(state_of(world.reader, created.secret) == TokenState::unknown);
  CHECK(failure(world.store.delete_token(alice, created.token.id)) == ErrorKind::not_found);
  CHECK(failure(world.store.token(created.token.id)) == ErrorKind::not_found);
  must_verify(world.store);
}

TEST_CASE("a snapshot keeps seeing what it saw first") {
  World world;
  const CreatedToken created = must(world.store.create_token(alice, {}));
  {
    auto snapshot = world.reader.snapshot();
    CHECK(snapshot.find(hash_secret(created.secret), now(), loopback) == TokenState::valid);
    must(world.store.delete_token(alice, created.token.id));
    CHECK(snapshot.find(hash_secret(created.secret), now(), loopback) == TokenState::valid);
  }
  CHECK(state_of(world.reader, created.secret) == TokenState::unknown);
}

TEST_CASE("a user's status is his tokens'; deleting him deletes them") {
  World world;
  must(world.store.create_user(alice, user_of("anna")));
  TokenSpec spec;
  spec.owner = "anna";
  const CreatedToken first = must(world.store.create_token(alice, spec));
  const CreatedToken second = must(world.store.create_token(alice, spec));
  UserChange disable;
  disable.status = UserStatus::disabled;
  must(world.store.update_user(alice, "anna", disable));
  CHECK(state_of(world.reader, first.secret) == TokenState::owner_disabled);
  must(world.store.delete_user(alice, "anna"));
  CHECK(state_of(world.reader, first.secret) == TokenState::unknown);
  CHECK(state_of(world.reader, second.secret) == TokenState::unknown);
  CHECK(must(world.store.tokens({})).empty());
  must_verify(world.store);

  // A new user of the same id is another one: nothing of the old comes back.
  must(world.store.create_user(alice, user_of("anna")));
  CHECK(state_of(world.reader, first.secret) == TokenState::unknown);
}

TEST_CASE("the store can be closed while a reader lives on") {
  TemporaryDirectory directory;
  auto store = std::make_unique<Store>(open_store(directory));
  const CreatedToken created = must(store->create_token(alice, {}));
  Reader reader = must(Reader::open(*store));
  store.reset();
  CHECK(state_of(reader, created.secret) == TokenState::valid);
}

}  // namespace
}  // namespace postern::store::test
