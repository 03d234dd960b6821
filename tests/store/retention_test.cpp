// What is left of the log can be proved after its oldest part was dropped.

#include "store/retention.hpp"

#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

TEST_CASE("old records are dropped, a part at a time, and the rest verifies") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  for (const char* id : {"a", "b", "c", "d"}) must(store.create_user(alice, user_of(id)));
  const std::string hash = must(store.audit(2, 1)).front().hash;
  CHECK(must(drop_audit(alice, store, 1, 100)).dropped == 0);
  CHECK(must(store.audit(0, 0)).size() == 5);

  const Retention some = must(drop_audit(alice, store, now() + 1, 3));
  CHECK(some.dropped == 3);
  CHECK(some.last == 3);
  CHECK(some.more);
  const auto left = must(store.audit(0, 0));
  CHECK(left.front().sequence == 4);
  CHECK(left.back().action == "audit.drop");
  CHECK(left.back().change.find(hash) != std::string::npos);
  const AuditVerdict verdict = must(store.verify_audit());
  CHECK(verdict.problem == "");
  CHECK(verdict.first == 4);
  CHECK(verdict.last == 6);
  must(store.create_user(alice, user_of("e")));
  CHECK_FALSE(must(drop_audit(alice, store, now() + 1, 100)).more);
  CHECK(must(store.verify_audit()).problem == "");
  must_verify(store);
}

}  // namespace
}  // namespace postern::store::test
