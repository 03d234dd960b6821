// Declared catalogs: idempotent, all or nothing, and never a way to undo a revocation.

#include "store/alarm.hpp"
#include "store/audit.hpp"
#include "store/catalog_file.hpp"
#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

constexpr std::string_view declared_secret = "declared-9f8e7d6c5b4a";

Store::Declaration small_shop() {
  Store::Declaration declaration;
  declaration.entities = {role_of("shop.reader", {"shop.read"}),
                          entity_of(EntityKind::permission, "shop.read"),
                          entity_of(EntityKind::group, "staff"), license_of("shop.pro", 5)};
  User anna = user_of("anna");
  anna.assignments.roles = {"shop.reader"};
  anna.assignments.licenses = {"shop.pro"};
  declaration.users = {anna};
  TokenSpec token;
  token.name = "ci";
  token.secret_sha256 = to_hex(hash_secret(declared_secret));
  token.assignments.groups = {"staff"};
  declaration.tokens = {token};
  return declaration;
}

TEST_CASE("applying twice changes nothing the second time") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  const auto first = must(store.apply(alice, small_shop()));
  CHECK(first.created.size() == 6);
  CHECK(first.updated.empty());
  CHECK(first.unchanged == 0);
  const std::size_t records = must(store.audit(0, 0)).size();
  CHECK(records == 1 + 6);
  const std::uint64_t version = must(store.catalog()).version;

  const auto second = must(store.apply(alice, small_shop()));
  CHECK(second.created.empty());
  CHECK(second.updated.empty());
  CHECK(second.unchanged == 6);
  CHECK(must(store.audit(0, 0)).size() == records);
  CHECK(must(store.catalog()).version == version);
  Reader reader = must(Reader::open(store));
  CHECK(state_of(reader, declared_secret) == TokenState::valid);
  must_verify(store);
}

TEST_CASE("what is declared otherwise is updated") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  must(store.apply(alice, small_shop()));
  Store::Declaration changed = small_shop();
  changed.entities[0].permissions.clear();
  changed.users[0].name = "Anna";
  changed.tokens[0].assignments.groups.clear();
  const auto report = must(store.apply(alice, changed));
  CHECK(report.updated.size() == 3);
  CHECK(report.unchanged == 3);
  CHECK(must(store.entity(EntityKind::role, "shop.reader")).permissions.empty());
  CHECK(must(store.user("anna")).name == "Anna");
  must_verify(store);
}

TEST_CASE("a license keeps its state and its seats, nothing is deleted") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  must(store.apply(alice, small_shop()));
  EntityChange change;
  change.enabled = false;
  change.max_subjects = 77;
  must(store.update_entity(alice, EntityKind::license, "shop.pro", change));
  must(store.create_entity(alice, entity_of(EntityKind::group, "extra")));
  must(store.apply(alice, small_shop()));
  CHECK_FALSE(must(store.entity(EntityKind::license, "shop.pro")).enabled);
  CHECK(must(store.entity(EntityKind::license, "shop.pro")).max_subjects == 77);
  CHECK(must(store.entity(EntityKind::group, "extra")).id == "extra");
  Store::Declaration other_kind;
  other_kind.entities = {license_of("shop.pro", 0, LicenseKind::application)};
  CHECK(failure(store.apply(alice, other_kind)) == ErrorKind::conflict);
}

TEST_CASE("a restart that applies the same file again revives nothing that was revoked") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  must(store.apply(alice, small_shop()));
  const std::string id = must(store.tokens({})).at(0).id;

  must(store.set_token_enabled(alice, id, false));
  UserChange disable;
  disable.status = UserStatus::disabled;
  must(store.update_user(alice, "anna", disable));
  must(store.apply(alice, small_shop()));
  CHECK(state_of(reader, declared_secret) == TokenState::disabled);
  CHECK(must(store.user("anna")).status == UserStatus::disabled);

  must(store.set_token_enabled(alice, id, true));
  const CreatedToken rotated = must(store.rotate_token(alice, id, {}));
  must(store.apply(alice, small_shop()));
  CHECK(state_of(reader, declared_secret) == TokenState::rotated);
  CHECK(state_of(reader, rotated.secret) == TokenState::valid);
  Store::Declaration with_id = small_shop();
  with_id.tokens[0].id = id;
  must(store.apply(alice, with_id));
  CHECK(state_of(reader, declared_secret) == TokenState::rotated);
  must_verify(store);
}

TEST_CASE(
    "where the file is the only source it says what is in use, but for a token whose old secret was used") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  Store::ApplyOptions only;
  only.only_source = true;
  Store::Declaration declaration = small_shop();
  declaration.tokens[0].id = "tok_DeclaredToken001";
  declaration.tokens[0].enabled = false;
  must(store.apply(alice, declaration, only));
  CHECK(state_of(reader, declared_secret) == TokenState::disabled);
  declaration.tokens[0].enabled = true;
  must(store.apply(alice, declaration, only));
  CHECK(state_of(reader, declared_secret) == TokenState::valid);

  CHECK(must(disable_token(store, alice, *parse_token_id("tok_DeclaredToken001"))));
  must(store.apply(alice, declaration, only));
  CHECK(state_of(reader, declared_secret) == TokenState::disabled);
  CHECK(must(store.token("tok_DeclaredToken001")).reuse_seen);
  must_verify(store);
  declaration.tokens[0].secret_sha256 = to_hex(hash_secret("another-9f8e7d6c5b4a"));
  must(store.apply(alice, declaration, only));
  CHECK(state_of(reader, "another-9f8e7d6c5b4a") == TokenState::valid);
  CHECK_FALSE(must(store.token("tok_DeclaredToken001")).reuse_seen);
  must_verify(store);
}

TEST_CASE("a declared token of given id takes another declared hash; the old secret is then rotated") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  Store::Declaration declaration = small_shop();
  declaration.tokens[0].id = "tok_DeclaredToken001";
  must(store.apply(alice, declaration));
  declaration.tokens[0].secret_sha256 = to_hex(hash_secret("another-9f8e7d6c5b4a"));
  const auto report = must(store.apply(alice, declaration));
  CHECK(report.updated.size() == 1);
  CHECK(state_of(reader, declared_secret) == TokenState::rotated);
  CHECK(state_of(reader, "another-9f8e7d6c5b4a") == TokenState::valid);
  must_verify(store);
  declaration.tokens[0].id = "tok_DeclaredToken002";
  CHECK(failure(store.apply(alice, declaration)) == ErrorKind::conflict);  // the secret is another token's
}

TEST_CASE("one mistake, and nothing of the declaration is done") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Store::Declaration declaration = small_shop();
  declaration.users[0].assignments.roles.push_back("no.such.role");
  const auto refused = store.apply(alice, declaration);
  CHECK(failure(refused) == ErrorKind::not_found);
  CHECK(refused.error().message == "user anna: there is no role no.such.role");
  CHECK(must(store.entities(EntityKind::permission)).empty());
  CHECK(must(store.audit(0, 0)).size() == 1);
  must_verify(store);
}

Store::ApplyOptions pruning() {
  Store::ApplyOptions options;
  options.prune = true;
  return options;
}

TEST_CASE("pruning deletes what is not declared, reserved ones apart") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  must(store.apply(alice, small_shop()));
  must(store.create_entity(alice, entity_of(EntityKind::group, "extra")));
  must(store.create_user(alice, user_of("berta")));
  TokenSpec spec;
  spec.owner = "berta";
  const CreatedToken token = must(store.create_token(alice, spec));
  const auto report = must(store.apply(alice, small_shop(), pruning()));
  CHECK(report.deleted == std::vector<std::string>{"token " + token.token.id, "user berta", "group extra"});
  CHECK(report.unchanged == 6);
  CHECK(must(store.tokens({})).size() == 1);
  CHECK(must(store.entity(EntityKind::role, "postern.admin")).reserved);
  CHECK(must(store.apply(alice, small_shop(), pruning())).deleted.empty());
  must_verify(store);
}

TEST_CASE("pruning refuses what refers to something that it would delete") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  must(store.apply(alice, small_shop()));
  Store::Declaration open = small_shop();
  open.entities.erase(open.entities.begin());  // the role that anna holds
  const auto refused = store.apply(alice, open, pruning());
  CHECK(failure(refused) == ErrorKind::not_found);
  CHECK(refused.error().message ==
        "user anna: role shop.reader is not declared, and pruning would delete it");
  CHECK(must(store.entity(EntityKind::role, "shop.reader")).id == "shop.reader");
}

TEST_CASE("pruning frees the seats that declared tokens take") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Store::Declaration declaration;
  declaration.entities = {license_of("shop.pro", 1)};
  must(store.apply(alice, declaration));
  TokenSpec spec;
  spec.assignments.licenses = {"shop.pro"};
  must(store.create_token(alice, spec));
  spec.secret_sha256 = to_hex(hash_secret(declared_secret));
  declaration.tokens = {spec};
  CHECK(failure(store.apply(alice, declaration)) == ErrorKind::exhausted);
  must(store.apply(alice, declaration, pruning()));
  must_verify(store);
}

TEST_CASE("a token that is given to another user stays when its old owner is pruned") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Store::Declaration declaration;
  declaration.users = {user_of("anna"), user_of("berta")};
  TokenSpec spec;
  spec.owner = "anna";
  spec.secret_sha256 = to_hex(hash_secret(declared_secret));
  declaration.tokens = {spec};
  must(store.apply(alice, declaration));
  const std::string id = must(store.tokens({})).front().id;
  must(store.set_token_enabled(alice, id, false));
  declaration.users.erase(declaration.users.begin());
  declaration.tokens.front().owner = "berta";
  must(store.apply(alice, declaration, pruning()));
  CHECK(must(store.token(id)).owner == "berta");
  CHECK_FALSE(must(store.token(id)).enabled);
  must_verify(store);
}

TEST_CASE("a dry run changes nothing and says what it would have done") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Store::ApplyOptions options;
  options.dry_run = true;
  const auto plan = must(store.apply(alice, small_shop(), options));
  CHECK(plan.created.size() == 6);
  CHECK(plan.changes.size() == 6);
  CHECK(must(store.audit(0, 0)).size() == 1);
  CHECK(must(store.tokens({})).empty());

  options.dry_run = false;
  options.looked_at = plan.looked_at;
  must(store.create_user(alice, user_of("berta")));
  CHECK(failure(store.apply(alice, small_shop(), options)) == ErrorKind::conflict);
  CHECK(must(store.tokens({})).empty());
}

TEST_CASE("what a store declares makes an empty one the same") {
  TemporaryDirectory directory, other;
  Store store = open_store(directory);
  Store::Declaration given = small_shop();
  given.entities[0].description = "reads: \"all\" of it, \u00e4";
  given.users.push_back(user_of("berta"));
  given.users[1].status = UserStatus::enabled_until;
  given.users[1].enabled_until = 1'800'000'000;
  given.tokens[0].expires = 1'900'000'000;
  given.tokens[0].enabled = false;
  given.tokens[0].assignments.grants = {{"shop.read", "order/42"}};
  must(store.apply(alice, given));

  Diagnostics diagnostics;
  const std::string text = write_catalog(must(store.declaration()));
  const yaml::Document document = yaml::parse("c.yaml", text, diagnostics);
  const Store::Declaration read = parse_catalog(document, diagnostics);
  CAPTURE(text);
  CHECK(diagnostics.empty());
  Store copy = open_store(other);
  must(copy.apply(alice, read, pruning()));
  CHECK(write_catalog(must(copy.declaration())) == text);
  CHECK(must(store.apply(alice, read, pruning())).changes.empty());
  must_verify(copy);
}

TEST_CASE("a declared store is changed by its catalog alone") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  must(store.apply(alice, small_shop()));
  must(store.set_declared_in(alice, "/etc/catalog.yaml"));
  must(store.set_declared_in(alice, "/etc/catalog.yaml"));
  CHECK(must(store.declared_in()) == "/etc/catalog.yaml");
  const std::string id = must(store.tokens({})).front().id;
  const Status refused = store.delete_token(alice, id);
  CHECK(failure(refused) == ErrorKind::conflict);
  CHECK(refused.error().message.find("change the catalog /etc/catalog.yaml instead") != std::string::npos);
  CHECK(failure(store.create_user(alice, user_of("berta"))) == ErrorKind::conflict);
  CHECK(failure(store.rotate_token(alice, id, {})) == ErrorKind::conflict);
  CHECK(must(store.apply(alice, Store::Declaration{}, pruning())).deleted.size() == 6);
  must(store.set_declared_in(alice, {}));
  must(store.create_user(alice, user_of("berta")));
  must_verify(store);
}

}  // namespace
}  // namespace postern::store::test
