// The audit log: what stands in it, and that no record can be changed, dropped or added unseen.

#include "store/audit.hpp"

#include "store/environment.hpp"
#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

TEST_CASE("every mutation leaves one record that says who, what, and what changed") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  const Actor bob = {"token:tok_0000000000000000", "ticket 7"};
  must(store.create_entity(alice, entity_of(EntityKind::permission, "shop.read")));
  must(store.create_entity(alice, role_of("shop.reader", {"shop.read"})));
  EntityChange rename;
  rename.name = "Reader";
  must(store.update_entity(bob, EntityKind::role, "shop.reader", rename));
  must(store.update_entity(bob, EntityKind::role, "shop.reader", rename));  // changes nothing: no record
  User anna = user_of("anna");
  anna.assignments.roles = {"shop.reader"};
  must(store.create_user(alice, anna));
  UserChange disable;
  disable.status = UserStatus::disabled;
  must(store.update_user(alice, "anna", disable));
  TokenSpec owned;
  owned.owner = "anna";
  const CreatedToken token = must(store.create_token(alice, owned));
  must(store.rotate_token(alice, token.token.id, {}));
  must(store.set_token_enabled(alice, token.token.id, false));
  must(store.set_token_enabled(alice, token.token.id, false));  // is already
  must(store.set_token_enabled(alice, token.token.id, true));
  must(store.delete_user(alice, "anna"));
  must(store.delete_entity(alice, EntityKind::role, "shop.reader"));

  struct Expected {
    const char* action;
    std::string target;
    std::string change;
  };
  const std::string& id = token.token.id;
  const Expected expected[] = {
      {"permission.create", "shop.read", R"({"after":{}})"},
      {"role.create", "shop.reader", R"({"after":{"permissions":["shop.read"]}})"},
      {"role.update", "shop.reader", R"({"before":{"name":""},"after":{"name":"Reader"}})"},
      {"user.create", "anna", R"({"after":{"status":"enabled","roles":["shop.reader"]}})"},
      {"user.update", "anna", R"({"before":{"status":"enabled"},"after":{"status":"disabled"}})"},
      {"token.create", id,
       R"({"after":{"enabled":true,"imported":false,"owner":"anna","canary":false,"reuse_seen":false}})"},
      {"token.rotate", id, R"({"after":{"grace_until":0}})"},
      {"token.disable", id, R"({"before":{"enabled":true},"after":{"enabled":false}})"},
      {"token.enable", id, R"({"before":{"enabled":false},"after":{"enabled":true}})"},
      {"user.delete", "anna",
       R"({"before":{"status":"disabled","roles":["shop.reader"]},"tokens_deleted":1})"},
      {"role.delete", "shop.reader", R"({"before":{"name":"Reader","permissions":["shop.read"]}})"},
  };
  const auto records = must(store.audit(1, 0));
  REQUIRE(records.size() == std::size(expected));
  for (std::size_t i = 0; i < records.size(); ++i) {
    CAPTURE(i);
    CHECK(records[i].sequence == i + 2);  // after store.create
    CHECK(records[i].action == expected[i].action);
    CHECK(records[i].target == expected[i].target);
    CHECK(records[i].change == expected[i].change);
    CHECK(records[i].actor == (i == 2 ? bob.name : alice.name));
    CHECK(records[i].reason == (i == 2 ? bob.reason : ""));
    CHECK(records[i].time <= now());
    CHECK(records[i].hash.size() == 64);
  }
}

TEST_CASE("the log holds neither secrets nor their hashes") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  TokenSpec imported;
  imported.secret = "8f14e45fceea167a5a36dedd4bea2543";
  must(store.create_token(alice, imported));
  const CreatedToken made = must(store.create_token(alice, {}));
  const CreatedToken rotated = must(store.rotate_token(alice, made.token.id, {}));
  for (const AuditRecord& record : must(store.audit(0, 0))) {
    for (const std::string_view secret : {std::string_view("8f14e45fceea167a5a36dedd4bea2543"),
                                          std::string_view(made.secret), std::string_view(rotated.secret)}) {
      CHECK(record.change.find(secret) == std::string::npos);
      CHECK(record.change.find(to_hex(hash_secret(secret))) == std::string::npos);
    }
  }
}

TEST_CASE("the log is read in pages") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  for (int i = 0; i < 9; ++i)
    must(store.create_entity(alice, entity_of(EntityKind::group, "g" + std::to_string(i))));
  CHECK(must(store.audit(0, 0)).size() == 10);
  const auto page = must(store.audit(3, 4));
  REQUIRE(page.size() == 4);
  CHECK(page.front().sequence == 4);
  CHECK(page.back().sequence == 7);
  CHECK(must(store.audit(10, 0)).empty());
  CHECK(must(store.audit(UINT64_MAX, 0)).empty());
}

/// A store with ten records whose log is then changed behind its back.
class Tampering {
 public:
  explicit Tampering(const std::function<void(Transaction&)>& tamper) {
    for (int i = 0; i < 9; ++i)
      must(store_.create_entity(alice, entity_of(EntityKind::group, "g" + std::to_string(i))));
    OpenOptions options;
    options.directory = directory_.path();
    options.durable = false;
    const EnvironmentRef environment = must(EnvironmentRef::open(options));
    Transaction transaction = must(Transaction::write(*environment));
    tamper(transaction);
    must(transaction.commit());
  }
  [[nodiscard]] AuditVerdict verdict() const { return must(store_.verify_audit()); }
  [[nodiscard]] bool store_is_whole() const { return must(store_.verify()).problems.empty(); }

 private:
  TemporaryDirectory directory_;
  Store store_ = open_store(directory_);
};

void rewrite(Transaction& transaction, std::uint64_t sequence,
             const std::function<void(AuditEntry&)>& change) {
  const auto key = sequence_key(sequence);
  const std::string bytes(must(transaction.get(transaction.databases().audit, key.view())).value());
  AuditEntry entry;
  REQUIRE(decode(bytes, entry));
  change(entry);
  must(transaction.put(transaction.databases().audit, key.view(), encode(entry)));
}
void erase(Transaction& transaction, std::uint64_t sequence) {
  must(transaction.erase(transaction.databases().audit, sequence_key(sequence).view()));
}

TEST_CASE("tampering with the log is seen, and the first record that is not what it was is named") {
  struct Case {
    const char* name;
    std::function<void(Transaction&)> tamper;
    std::uint64_t broken;
  };
  const Case cases[] = {
      {"nothing", [](Transaction&) {}, 0},
      {"another actor in the first",
       [](Transaction& t) { rewrite(t, 1, [](AuditEntry& e) { e.actor = "os:mallory"; }); }, 1},
      {"another actor in the middle",
       [](Transaction& t) { rewrite(t, 5, [](AuditEntry& e) { e.actor = "os:mallory"; }); }, 5},
      {"another time in the last but one",
       [](Transaction& t) { rewrite(t, 9, [](AuditEntry& e) { e.time -= 1; }); }, 9},
      {"another reason in the last",
       [](Transaction& t) { rewrite(t, 10, [](AuditEntry& e) { e.reason = "none"; }); }, 10},
      {"another previous hash",
       [](Transaction& t) { rewrite(t, 5, [](AuditEntry& e) { e.previous.bytes[0] ^= 1; }); }, 5},
      {"two changed: the first is named",
       [](Transaction& t) {
         for (const unsigned sequence : {3u, 7u})
           rewrite(t, sequence, [](AuditEntry& e) { e.actor = "os:mallory"; });
       },
       3},
      {"another sequence inside",
       [](Transaction& t) { rewrite(t, 5, [](AuditEntry& e) { e.sequence = 6; }); }, 5},
      {"one dropped", [](Transaction& t) { erase(t, 5); }, 5},
      {"the first dropped", [](Transaction& t) { erase(t, 1); }, 1},
      {"the last dropped", [](Transaction& t) { erase(t, 10); }, 10},
      {"all dropped",
       [](Transaction& t) {
         for (std::uint64_t i = 1; i <= 10; ++i) erase(t, i);
       },
       1},
      {"one added behind the end",
       [](Transaction& t) {
         AuditEntry entry;
         entry.sequence = 11;
         must(t.put(t.databases().audit, sequence_key(11).view(), encode(entry)));
       },
       11},
      {"bytes that are no record",
       [](Transaction& t) { must(t.put(t.databases().audit, sequence_key(7).view(), "garbage")); }, 7},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    const Tampering tampering(one.tamper);
    const AuditVerdict verdict = tampering.verdict();
    CAPTURE(verdict.problem);
    CHECK(verdict.broken == one.broken);
    CHECK(verdict.problem.empty() == (one.broken == 0));
    CHECK(tampering.store_is_whole() == (one.broken == 0));
  }
}

TEST_CASE("a whole log says from where to where it goes") {
  const AuditVerdict verdict = Tampering([](Transaction&) {}).verdict();
  CHECK(verdict.first == 1);
  CHECK(verdict.last == 10);
}

TEST_CASE("older records may be dropped up to the checkpoint, and what follows still verifies") {
  const Tampering retained([](Transaction& t) {
    const std::string fourth(must(t.get(t.databases().audit, sequence_key(4).view())).value());
    must(set_audit_mark(t, meta_key::audit_checkpoint, {4, hash_secret(fourth)}));
    for (const unsigned dropped : {1u, 2u, 4u})
      erase(t, dropped);  // retention works in batches, in any order
  });
  const AuditVerdict verdict = retained.verdict();
  CHECK(verdict.broken == 0);
  CHECK(verdict.first == 5);
  CHECK(verdict.last == 10);

  const Tampering too_far([](Transaction& t) {
    must(set_audit_mark(t, meta_key::audit_checkpoint, {4, SecretHash{}}));
    for (const unsigned dropped : {1u, 2u, 3u, 4u}) erase(t, dropped);
  });
  CHECK(too_far.verdict().broken != 0);
}

TEST_CASE("all records may be dropped when the checkpoint is the end") {
  const Tampering emptied([](Transaction& t) {
    must(set_audit_mark(t, meta_key::audit_checkpoint, must(audit_mark(t, meta_key::audit_head))));
    for (std::uint64_t i = 1; i <= 10; ++i) erase(t, i);
  });
  const AuditVerdict verdict = emptied.verdict();
  CHECK(verdict.broken == 0);
  CHECK(verdict.first == 0);
  CHECK(verdict.last == 0);
}

}  // namespace
}  // namespace postern::store::test
