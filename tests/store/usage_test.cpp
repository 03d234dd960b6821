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

std::optional<Usage> usage_of(const Store& store, const std::string& id) {
  return must(must(UsageSnapshot::open(store)).of(*parse_token_id(id)));
}

TEST_CASE("uses are added up") {
  TemporaryDirectory directory;
  const Store store = open_store(directory);
  const std::string id = "tok_0000000000000001", other = "tok_0000000000000002";
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
  const Store store = open_store(directory);
  std::vector<std::string> ids;
  for (std::uint64_t i = 0; i < 1000; ++i) {  // in no order
    const std::string digits =
        std::to_string(1'000'000'000'000'000 + i * 7'919'999'999'989 % 1'000'000'000'000'000);
    ids.push_back("tok_" + digits);
  }
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
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(must(store.create_token(alice, {})).token.id);
    uses.push_back(use_of(ids.back(), 1, 1, 1));
  }
  must(add_uses(store, uses));
  for (int i = 0; i < 10; i += 2) must(store.delete_token(alice, ids[static_cast<std::size_t>(i)]));
  std::string after;
  int parts = 0;
  do {
    after = must(forget_deleted(store, after, 3));
    ++parts;
  } while (!after.empty());
  CHECK(parts == 4);
  for (std::size_t i = 0; i < ids.size(); ++i) CHECK(usage_of(store, ids[i]).has_value() == (i % 2 == 1));
}

TEST_CASE("a record that does not decode is told of, and begun anew by the next use") {
  TemporaryDirectory directory;
  const Store store = open_store(directory);
  const std::string id = "tok_0000000000000001";
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
  { const Store store = open_store(directory); }
  std::filesystem::remove(file_of(directory, "usage.mdb"));
  {
    const Store store = open_store(directory);
    must(add_uses(store, std::array{use_of("tok_0000000000000001", 1, 1, 1)}));
    CHECK(usage_of(store, "tok_0000000000000001"));
  }
}

}  // namespace
}  // namespace postern::store::test
