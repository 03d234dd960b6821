// When tokens were used: sums that are right whoever adds, and records that go with their tokens.

#include "store/usage.hpp"

#include "store/audit.hpp"
#include "store/environment.hpp"
#include "store/transaction.hpp"
#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

TokenUse use_of(const std::string& id, std::uint32_t count, UnixSeconds first, UnixSeconds last) {
  TokenUse use = {};
  use.token = parse_token_id(id)->bytes;
  use.count = count;
  use.first = first;
  use.last = last;
  use.address = loopback;
  return use;
}

/// Ids of new tokens, in no order.
std::vector<std::string> make_tokens(Store& store, std::size_t count) {
  std::vector<std::string> ids;
  while (ids.size() < count) ids.push_back(must(store.create_token(alice, {})).token.id);
  return ids;
}

std::optional<Usage> usage_of(const Store& store, const std::string& id) {
  return must(must(UsageSnapshot::open(store)).of(*parse_token_id(id)));
}

TEST_CASE("uses are added up") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  const std::string id = make_tokens(store, 1)[0], other = make_tokens(store, 1)[0];
  CHECK_FALSE(usage_of(store, id));
  const TokenUse late = use_of(id, 2, 200, 300), early = use_of(id, 3, 100, 150),
                 elsewhere = use_of(other, 1, 5, 5);
  must(add_uses(store, std::array{late, elsewhere}));
  TokenUse from_there = early;
  from_there.address = {};
  must(add_uses(store, std::array{from_there}));
  CHECK(usage_of(store, id) == Usage{100, 300, loopback, 5});
  CHECK(usage_of(store, other) == Usage{5, 5, loopback, 1});
}

TEST_CASE("uses are added to those of before, whatever was used since") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  const std::vector<std::string> ids = make_tokens(store, 1000);
  for (int round = 1; round <= 3; ++round) {
    std::vector<TokenUse> uses;
    for (std::size_t i = 0; i < ids.size(); i += static_cast<std::size_t>(round))
      uses.push_back(use_of(ids[i], 2, round, 10 * round));
    must(add_uses(store, uses));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const int last = i % 3 == 0 ? 3 : i % 2 == 0 ? 2 : 1;
    const std::uint64_t count = 2u + (i % 2 == 0 ? 2u : 0u) + (i % 3 == 0 ? 2u : 0u);
    CHECK(usage_of(store, ids[i]) == Usage{1, 10 * last, loopback, count});
  }
}

TEST_CASE("a record decodes to what was encoded, and no other bytes do") {
  const Usage usage = {1, 2, loopback, 3};
  const std::string bytes = encode(usage);
  Usage read;
  CHECK(bytes.size() == 41);
  CHECK(decode(bytes, read));
  CHECK(read == usage);
  CHECK_FALSE(decode(bytes.substr(1), read));
  CHECK_FALSE(decode(bytes + "x", read));
  CHECK_FALSE(decode("", read));
}

TEST_CASE("what is known of deleted tokens is forgotten, a part at a time") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  std::vector<TokenUse> uses;
  const std::vector<std::string> ids = make_tokens(store, 10);
  for (const std::string& id : ids) uses.push_back(use_of(id, 1, 1, 1));
  must(add_uses(store, uses));
  for (int i = 0; i < 10; i += 2) must(store.delete_token(alice, ids[static_cast<std::size_t>(i)]));
  UsageSweep sweep;
  int parts = 0;
  while (must(sweep.turn(store, 3))) ++parts;
  CHECK(parts == 4);
  for (std::size_t i = 0; i < ids.size(); ++i) CHECK(usage_of(store, ids[i]).has_value() == (i % 2 == 1));
}

TEST_CASE("records are walked over again only after a change of the store") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  const std::vector<std::string> ids = make_tokens(store, 2);
  must(add_uses(store, std::array{use_of(ids[0], 1, 1, 1), use_of(ids[1], 1, 1, 1)}));
  UsageSweep sweep;
  CHECK(must(sweep.turn(store, 10)));
  CHECK_FALSE(must(sweep.turn(store, 10)));
  must(add_uses(store, std::array{use_of(ids[0], 1, 2, 2)}));  // no change of the store itself
  CHECK_FALSE(must(sweep.turn(store, 10)));
  must(store.delete_token(alice, ids[0]));
  CHECK(must(sweep.turn(store, 1)));
  must(store.delete_token(alice, ids[1]));  // while a walk is under way, which may have passed it
  CHECK(must(sweep.turn(store, 10)));
  CHECK(must(sweep.turn(store, 10)));
  CHECK_FALSE(must(sweep.turn(store, 10)));
  for (const std::string& id : ids) CHECK_FALSE(usage_of(store, id));
}

TEST_CASE("a use that is written down after its token was deleted begins no record") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  const std::string id = make_tokens(store, 1)[0];
  must(store.delete_token(alice, id));
  must(add_uses(store, std::array{use_of(id, 1, 1, 1)}));
  CHECK_FALSE(usage_of(store, id));
}

TEST_CASE("a record that does not decode is told of, and begun anew by the next use") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  const std::string id = make_tokens(store, 1)[0];
  must(add_uses(store, std::array{use_of(id, 1, 1, 1)}));
  CHECK(must(store.verify()).problems.empty());
  {
    const UsageFile file = must(store.environment().usage());
    MDB_txn* raw = nullptr;
    REQUIRE(mdb_txn_begin(file.environment, nullptr, 0, &raw) == 0);
    Transaction transaction(raw, store.environment().databases());
    must(transaction.put(file.usage, parse_token_id(id)->view(), "broken"));
    must(transaction.commit());
  }
  CHECK(must(store.verify()).problems ==
        std::vector<std::string>{"of uses of tokens, 1 records do not decode"});
  must(add_uses(store, std::array{use_of(id, 1, 5, 5)}));
  CHECK(must(store.verify()).problems.empty());
  CHECK(usage_of(store, id) == Usage{5, 5, loopback, 1});
}

TEST_CASE("a usage file that is missing is made, one of another program is refused") {
  TemporaryDirectory directory;
  std::string id;
  {
    Store store = open_store(directory);
    id = make_tokens(store, 1)[0];
  }
  std::filesystem::remove(file_of(directory, "usage.mdb"));
  {
    const Store store = open_store(directory);
    must(add_uses(store, std::array{use_of(id, 1, 1, 1)}));
    CHECK(usage_of(store, id));
  }
}

}  // namespace
}  // namespace postern::store::test
