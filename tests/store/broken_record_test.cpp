// Records that are damaged on disk: the look-up says "broken", never "unknown"; verify() names them; and one
// bad record does not stop the rest.

#include "store/entity_record.hpp"
#include "store/environment.hpp"
#include "store/subject_record.hpp"
#include "store/transaction.hpp"
#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

/// A store with a role, a user, and a token of each kind, and a way to damage it.
struct Damaged {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  CreatedToken own, owned, rotated;

  Damaged() {
    must(store.create_entity(alice, entity_of(EntityKind::permission, "shop.read")));
    must(store.create_entity(alice, role_of("shop.reader", {"shop.read"})));
    must(store.create_entity(alice, license_of("shop.pro", 1)));
    User user = user_of("anna");
    user.assignments.roles = {"shop.reader"};
    must(store.create_user(alice, user));
    TokenSpec spec;
    spec.assignments = user.assignments;
    spec.assignments.licenses = {"shop.pro"};
    spec.expires = now() + 1000;
    own = must(store.create_token(alice, spec));
    spec = {};
    spec.owner = "anna";
    owned = must(store.create_token(alice, spec));
    rotated = must(store.create_token(alice, {}));
    must(store.rotate_token(alice, rotated.token.id, {.grace = std::chrono::hours(1), .expires = {}}));
    must_verify(store);
  }
  template <class Damage>
  void damage(Damage work) {
    OpenOptions options;
    options.directory = directory.path();
    options.durable = false;
    const EnvironmentRef environment = must(EnvironmentRef::open(options));
    Transaction transaction = must(Transaction::write(*environment));
    work(transaction);
    must(transaction.commit());
  }
  [[nodiscard]] std::size_t problems() const { return must(store.verify()).problems.size(); }
  [[nodiscard]] TokenState state(const CreatedToken& token) { return state_of(reader, token.secret); }
};

TEST_CASE("a look-up tells a damaged record from an unknown secret") {
  struct Case {
    const char* name;
    void (*work)(Damaged&, Transaction&);
    TokenState own, owned, rotated;
  };
  const Case cases[] = {
      {"the secret's record is garbage",
       [](Damaged& d, Transaction& t) {
         must(t.put(t.databases().secrets, hash_secret(d.own.secret).view(), "garbage"));
       },
       TokenState::store_broken, TokenState::valid, TokenState::valid},
      {"the owner's record is garbage",
       [](Damaged&, Transaction& t) { must(t.put(t.databases().users, handle_key(1).view(), "garbage")); },
       TokenState::valid, TokenState::store_broken, TokenState::valid},
      {"the owner's record is gone",
       [](Damaged&, Transaction& t) { must(t.erase(t.databases().users, handle_key(1).view())); },
       TokenState::valid, TokenState::owner_missing, TokenState::valid},
      {"the token that a rotated secret leads to is gone",
       [](Damaged& d, Transaction& t) {
         must(t.erase(t.databases().tokens, parse_token_id(d.rotated.token.id)->view()));
       },
       TokenState::valid, TokenState::valid, TokenState::store_broken},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    Damaged damaged;
    damaged.damage([&](Transaction& transaction) { one.work(damaged, transaction); });
    CHECK(damaged.state(damaged.own) == one.own);
    CHECK(damaged.state(damaged.owned) == one.owned);
    CHECK(damaged.state(damaged.rotated) == one.rotated);
    CHECK(damaged.problems() > 0);
  }
}

TEST_CASE("a catalog that does not decode makes the whole snapshot unusable, until it is mended") {
  Damaged damaged;
  std::string record;
  const auto touch = [](Transaction& t) {
    must(t.set_number(meta_key::catalog_version, must(t.number(meta_key::catalog_version)) + 1));
  };
  damaged.damage([&](Transaction& t) {
    record = must(t.get(t.databases().roles, handle_key(2).view())).value();
    must(t.put(t.databases().roles, handle_key(2).view(), "garbage"));
    touch(t);
  });
  {
    auto snapshot = damaged.reader.snapshot();
    CHECK_FALSE(snapshot.ok());
    CHECK(snapshot.find(hash_secret(damaged.own.secret), now(), loopback) == TokenState::store_broken);
    CHECK(snapshot.token_id().empty());
  }
  damaged.damage([&](Transaction& t) { must(t.put(t.databases().roles, handle_key(2).view(), record)); });
  CHECK(damaged.state(damaged.own) == TokenState::valid);
}

TEST_CASE("verify names every kind of disagreement") {
  struct Case {
    const char* name;
    void (*work)(Damaged&, Transaction&);
  };
  const Case cases[] = {
      {"an index entry missing",
       [](Damaged& d, Transaction& t) {
         must(t.erase(t.databases().token_holders, reference_key({EntityKind::role, 2}).view(),
                      parse_token_id(d.own.token.id)->view()));
       }},
      {"an index entry too many",
       [](Damaged& d, Transaction& t) {
         must(t.put(t.databases().token_holders, reference_key({EntityKind::role, 2}).view(),
                    parse_token_id(d.rotated.token.id)->view()));
       }},
      {"a holder missing from the user index",
       [](Damaged&, Transaction& t) {
         must(t.erase(t.databases().user_holders, reference_key({EntityKind::role, 2}).view()));
       }},
      {"an owner's list emptied",
       [](Damaged&, Transaction& t) { must(t.erase(t.databases().owned, handle_key(1).view())); }},
      {"an expiry too many",
       [](Damaged&, Transaction& t) {
         must(t.put(t.databases().expiries, handle_key(1).view(), std::string(16, 'x')));
       }},
      {"a rotated secret without its index",
       [](Damaged& d, Transaction& t) {
         must(t.erase(t.databases().rotated, parse_token_id(d.rotated.token.id)->view()));
       }},
      {"a permission missing from the index of roles",
       [](Damaged&, Transaction& t) { must(t.erase(t.databases().role_holders, handle_key(1).view())); }},
      {"an id that leads nowhere",
       [](Damaged&, Transaction& t) {
         must(t.put(t.databases().ids, id_key(EntityKind::group, "ghost"), handle_key(99).view()));
       }},
      {"an id that leads elsewhere",
       [](Damaged&, Transaction& t) {
         must(t.put(t.databases().ids, id_key(EntityKind::role, "shop.reader"), handle_key(1).view()));
       }},
      {"a role deleted without being swept",
       [](Damaged&, Transaction& t) {
         must(t.erase(t.databases().roles, handle_key(2).view()));
         must(t.erase(t.databases().ids, id_key(EntityKind::role, "shop.reader")));
       }},
      {"a handle beyond the counter",
       [](Damaged&, Transaction& t) { must(t.set_number(meta_key::next_entity(EntityKind::role), 2)); }},
      {"a wrong count of imported secrets",
       [](Damaged&, Transaction& t) { must(t.set_number(meta_key::imported_secrets, 1)); }},
      {"fewer seats than are taken",
       [](Damaged& d, Transaction& t) {
         must(t.put(t.databases().token_holders, reference_key({EntityKind::license, 1}).view(),
                    parse_token_id(d.rotated.token.id)->view()));
       }},
      {"a token whose secret is gone",
       [](Damaged& d, Transaction& t) {
         must(t.erase(t.databases().secrets, hash_secret(d.own.secret).view()));
       }},
      {"a secret whose token is gone",
       [](Damaged& d, Transaction& t) {
         must(t.erase(t.databases().tokens, parse_token_id(d.own.token.id)->view()));
       }},
      {"a reserved role that is gone",
       [](Damaged&, Transaction& t) {
         must(t.erase(t.databases().ids, id_key(EntityKind::role, "postern.admin")));
       }},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    Damaged damaged;
    damaged.damage([&](Transaction& transaction) { one.work(damaged, transaction); });
    CHECK(damaged.problems() > 0);
  }
}

TEST_CASE("a damaged holder does not stop the sweeping of a deleted role, nor any later change") {
  Damaged damaged;
  damaged.damage([&](Transaction& t) {
    must(t.put(t.databases().secrets, hash_secret(damaged.own.secret).view(), "garbage"));
  });
  must(damaged.store.delete_entity(alice, EntityKind::role, "shop.reader"));
  must(damaged.store.create_entity(alice, entity_of(EntityKind::group, "later")));
  CHECK_FALSE(may(damaged.reader, damaged.owned.secret, "shop.read"));
}

}  // namespace
}  // namespace postern::store::test
