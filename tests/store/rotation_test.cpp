// Secrets that come and go: rotation, grace, import.

#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

using std::chrono::seconds;

TEST_CASE("rotating without grace ends the old secret at once and keeps everything else") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  TokenSpec spec;
  spec.name = "ci";
  spec.description = "builds";
  spec.expires = now() + 1000;
  const CreatedToken before = must(store.create_token(alice, spec));
  const CreatedToken after = must(store.rotate_token(alice, before.token.id, {}));

  CHECK(after.secret != before.secret);
  CHECK(state_of(reader, before.secret) == TokenState::rotated);
  CHECK(state_of(reader, after.secret) == TokenState::valid);
  Token expected = before.token;
  expected.rotated = after.token.rotated;
  CHECK(after.token.rotated >= before.token.created);
  CHECK(after.token == expected);
  CHECK(must(store.token(before.token.id)) == expected);
  {
    auto snapshot = reader.snapshot();
    CHECK(snapshot.find(hash_secret(before.secret), now(), loopback) == TokenState::rotated);
    CHECK(snapshot.token_id() == before.token.id);
  }
  must_verify(store);
}

TEST_CASE("within its grace the old secret is the token, afterwards it is rotated") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  const CreatedToken before = must(store.create_token(alice, {}));
  const CreatedToken after =
      must(store.rotate_token(alice, before.token.id, {.grace = seconds(3600), .expires = {}}));
  const UnixSeconds end = after.token.rotated + 3600;
  CHECK(state_of(reader, before.secret, end - 1) == TokenState::valid);
  CHECK(state_of(reader, before.secret, end) == TokenState::rotated);
  CHECK(state_of(reader, after.secret, end) == TokenState::valid);
  {
    auto snapshot = reader.snapshot();
    REQUIRE(snapshot.find(hash_secret(before.secret), end - 1, loopback) == TokenState::valid);
    CHECK(snapshot.subject().token_id == before.token.id);
    CHECK(snapshot.expires() == end);
  }
  // What happens to the token happens to its old secret.
  must(store.set_token_enabled(alice, before.token.id, false));
  CHECK(state_of(reader, before.secret, end - 1) == TokenState::disabled);
  must_verify(store);
}

TEST_CASE("a grace never outlasts the old expiry") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  TokenSpec spec;
  spec.expires = now() + 500;
  const CreatedToken before = must(store.create_token(alice, spec));
  const CreatedToken after =
      must(store.rotate_token(alice, before.token.id, {.grace = seconds(86400), .expires = now() + 100'000}));
  CHECK(state_of(reader, before.secret, spec.expires - 1) == TokenState::valid);
  CHECK(state_of(reader, before.secret, spec.expires) == TokenState::rotated);
  CHECK(state_of(reader, after.secret, spec.expires) == TokenState::valid);
  must_verify(store);
}

TEST_CASE("a rotation without grace ends the graces of earlier ones, one with grace leaves them") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  const CreatedToken first = must(store.create_token(alice, {}));
  const std::string& id = first.token.id;
  const CreatedToken second = must(store.rotate_token(alice, id, {.grace = seconds(3600), .expires = {}}));
  const CreatedToken third = must(store.rotate_token(alice, id, {.grace = seconds(3600), .expires = {}}));
  CHECK(state_of(reader, first.secret) == TokenState::valid);
  CHECK(state_of(reader, second.secret) == TokenState::valid);
  const CreatedToken fourth = must(store.rotate_token(alice, id, {}));
  for (const CreatedToken* old : {&first, &second, &third})
    CHECK(state_of(reader, old->secret) == TokenState::rotated);
  CHECK(state_of(reader, fourth.secret) == TokenState::valid);
  must_verify(store);
}

TEST_CASE("an expired token is rotated back to life only with a new expiry") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  TokenSpec spec;
  spec.expires = 1000;
  const CreatedToken created = must(store.create_token(alice, spec));
  const std::string& id = created.token.id;
  CHECK(failure(store.rotate_token(alice, id, {})) == ErrorKind::conflict);
  CHECK(failure(store.rotate_token(alice, id, {.grace = {}, .expires = now() - 1})) == ErrorKind::invalid);
  CHECK(state_of(reader, created.secret) == TokenState::expired);
  const CreatedToken rotated =
      must(store.rotate_token(alice, id, {.grace = seconds(3600), .expires = now() + 60}));
  CHECK(state_of(reader, rotated.secret) == TokenState::valid);
  CHECK(state_of(reader, created.secret) ==
        TokenState::rotated);  // its time was over: nothing to be graceful about
  const CreatedToken forever = must(store.rotate_token(alice, id, {.grace = {}, .expires = 0}));
  CHECK(state_of(reader, forever.secret, now() + 1'000'000) == TokenState::valid);
  must_verify(store);
}

TEST_CASE("the oldest of many rotated secrets is forgotten, the token never") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  const CreatedToken created = must(store.create_token(alice, {}));
  std::vector<std::string> secrets = {created.secret};
  for (std::size_t i = 0; i < limits::rotated_secrets_per_token_max + 5; ++i)
    secrets.push_back(must(store.rotate_token(alice, created.token.id, {})).secret);
  std::size_t remembered = 0;
  for (const std::string& secret : secrets) remembered += state_of(reader, secret) == TokenState::rotated;
  CHECK(remembered == limits::rotated_secrets_per_token_max);
  CHECK(state_of(reader, secrets.back()) == TokenState::valid);
  must_verify(store);
  must(store.delete_token(alice, created.token.id));
  for (const std::string& secret : secrets) CHECK(state_of(reader, secret) == TokenState::unknown);
  must_verify(store);
}

TEST_CASE("imported secrets work, are counted while any may still be sent, and never twice") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  const auto has_imported = [&] { return reader.snapshot().has_imported_secrets(); };
  CHECK_FALSE(has_imported());
  TokenSpec spec;
  spec.secret = "8f14e45fceea167a5a36dedd4bea2543";
  const CreatedToken imported = must(store.create_token(alice, spec));
  CHECK(imported.secret.empty());
  CHECK(imported.token.imported);
  CHECK(has_imported());
  CHECK(state_of(reader, "8f14e45fceea167a5a36dedd4bea2543") == TokenState::valid);
  CHECK(failure(store.create_token(alice, spec)) == ErrorKind::conflict);

  const CreatedToken rotated =
      must(store.rotate_token(alice, imported.token.id, {.grace = seconds(3600), .expires = {}}));
  CHECK_FALSE(rotated.token.imported);
  CHECK(has_imported());  // the old one is in its grace and must still be looked up
  CHECK(state_of(reader, "8f14e45fceea167a5a36dedd4bea2543") == TokenState::valid);
  CHECK(failure(store.create_token(alice, spec)) == ErrorKind::conflict);  // once used, never again
  must(store.delete_token(alice, imported.token.id));
  CHECK_FALSE(has_imported());
  must_verify(store);
}

TEST_CASE("a secret is declared by its hash in either case of its digits") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  TokenSpec spec;
  // printf 'declared-elsewhere' | sha256sum
  spec.secret_sha256 = "6817451BC93B6A248164330F9481CBD70748ABD302C35C53949CFE7503B3CAD9";
  spec.id = "tok_DeclaredElsewher";
  const CreatedToken declared = must(store.create_token(alice, spec));
  CHECK(declared.token.id == spec.id);
  CHECK(state_of(reader, "declared-elsewhere") == TokenState::valid);
  CHECK(reader.snapshot().has_imported_secrets());
  for (const char* bad : {"abc", "zz"}) {
    TokenSpec wrong;
    wrong.secret_sha256 = bad;
    CHECK(failure(store.create_token(alice, wrong)) == ErrorKind::invalid);
  }
  spec.secret_sha256[0] = 'f';
  CHECK(failure(store.create_token(alice, spec)) == ErrorKind::conflict);  // the id
  must_verify(store);
}

TEST_CASE("a secret that begins with our prefix and has a wrong checksum is not imported") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  TokenSpec spec;
  spec.secret = "pst_8f14e45fceea167a5a36dedd4bea2543";
  CHECK(failure(store.create_token(alice, spec)) == ErrorKind::invalid);
  spec.secret = must(make_secret("pst_"));
  must(store.create_token(alice, spec));
}

TEST_CASE("secrets of an earlier prefix are still looked up after the prefix has changed") {
  TemporaryDirectory directory;
  std::string secret;
  {
    Store store = open_store(directory);
    secret = must(store.create_token(alice, {})).secret;
    CHECK_FALSE(must(Reader::open(store)).snapshot().has_imported_secrets());
  }
  OpenOptions options;
  options.token_prefix = "acme_";
  Store store = open_store(directory, options);
  Reader reader = must(Reader::open(store));
  CHECK(reader.snapshot().has_imported_secrets());
  CHECK(state_of(reader, secret) == TokenState::valid);
  CHECK(must(store.create_token(alice, {})).secret.starts_with("acme_"));
}

TEST_CASE("of many tokens at once all are made or none, with one audit record") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  std::vector<TokenSpec> specs(100);
  for (std::size_t i = 0; i < specs.size(); ++i)
    specs[i].secret = "import-9f8e7d6c5b4a-" + std::to_string(1000 + i);
  specs[57].owner = "nobody";
  CHECK(failure(store.create_tokens(alice, specs)) == ErrorKind::not_found);
  CHECK(state_of(reader, "import-9f8e7d6c5b4a-1000") == TokenState::unknown);
  CHECK(must(store.audit(1, 0)).empty());

  specs[57].owner.clear();
  const auto created = must(store.create_tokens(alice, specs));
  CHECK(created.size() == 100);
  for (std::size_t i = 0; i < specs.size(); ++i)
    CHECK(state_of(reader, "import-9f8e7d6c5b4a-" + std::to_string(1000 + i)) == TokenState::valid);
  const auto records = must(store.audit(1, 0));
  REQUIRE(records.size() == 1);
  CHECK(records[0].action == "token.import");
  CHECK(records[0].target == created.front().token.id);
  CHECK(records[0].change.find("\"count\":100") != std::string::npos);
  CHECK(records[0].change.find(created.back().token.id) != std::string::npos);
  must_verify(store);
}

}  // namespace
}  // namespace postern::store::test
