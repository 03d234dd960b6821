// What a shard remembers of uses: by token and kind, bounded, and handed over once it was read.

#include "proxy/usage_ledger.hpp"

#include <doctest/doctest.h>
#include <map>

namespace postern {
namespace {

using Kind = store::TokenUse::Kind;
constexpr std::array<std::uint8_t, 16> here = {1}, there = {2};

store::TokenKey key_of(std::uint32_t number) {
  store::TokenKey key;
  for (std::size_t i = 0; i < 4; ++i) key.bytes[i] = static_cast<char>(number >> (8 * i));
  return key;
}

std::map<store::TokenKey, store::TokenUse> collected(UsageLedger& ledger) {
  std::map<store::TokenKey, store::TokenUse> found;
  ledger.collect([&](std::span<const store::TokenUse> uses) {
    for (const store::TokenUse& use : uses) found[{use.token}] = use;
  });
  return found;
}

TEST_CASE("uses of one token are one entry: the first and the last time, the last client, how many") {
  UsageLedger ledger;
  ledger.note(key_of(1), Kind::use, here, 100);
  ledger.note(key_of(2), Kind::use, here, 101);
  ledger.note(key_of(1), Kind::use, there, 102);
  CHECK(collected(ledger).empty());
  ledger.hand_over();
  const auto found = collected(ledger);
  REQUIRE(found.size() == 2);
  const store::TokenUse& use = found.at(key_of(1));
  CHECK(use.count == 2);
  CHECK(use.first == 100);
  CHECK(use.last == 102);
  CHECK(use.address == there);
  CHECK(collected(ledger).empty());
}

TEST_CASE("an old secret's use is an entry of its own") {
  UsageTable table;
  CHECK(table.add(key_of(1), Kind::use, here, 1));
  CHECK(table.add(key_of(1), Kind::rotated, here, 1));
  CHECK(table.uses().size() == 2);
}

TEST_CASE("what was noted while the other table is being read is not lost") {
  UsageLedger ledger;
  ledger.note(key_of(1), Kind::use, here, 1);
  ledger.hand_over();
  ledger.note(key_of(2), Kind::use, here, 2);
  ledger.hand_over();  // the first is not read yet: stays where it is
  CHECK(collected(ledger).contains(key_of(1)));
  ledger.hand_over();
  CHECK(collected(ledger).contains(key_of(2)));
}

TEST_CASE("beyond two full tables uses are dropped and counted, known tokens still are") {
  UsageLedger ledger;
  const auto both = static_cast<std::uint32_t>(2 * limits::usage_entries_max);
  for (std::uint32_t i = 0; i < both; ++i) ledger.note(key_of(i), Kind::use, here, 1);
  CHECK(ledger.dropped().get() == 0);
  ledger.note(key_of(both), Kind::use, here, 1);
  CHECK(ledger.dropped().get() == 1);
  ledger.note(key_of(both - 1), Kind::use, here, 1);
  CHECK(ledger.dropped().get() == 1);
  CHECK(collected(ledger).size() == limits::usage_entries_max);
  ledger.hand_over();
  CHECK(collected(ledger).at(key_of(both - 1)).count == 2);
}

}  // namespace
}  // namespace postern
