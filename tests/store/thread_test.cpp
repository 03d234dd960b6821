// One process, many threads: each shard has its Reader, management writes from another thread.

#include <atomic>
#include <thread>

#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

TEST_CASE("readers of several threads see whole snapshots while another thread writes") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  must(store.create_entity(alice, entity_of(EntityKind::permission, "p")));
  must(store.create_entity(alice, role_of("r", {"p"})));
  TokenSpec spec;
  spec.assignments.roles = {"r"};
  const std::vector<CreatedToken> created = must(store.create_tokens(alice, std::vector<TokenSpec>(8, spec)));

  std::atomic<bool> over{false};
  std::atomic<std::size_t> looked_up{0}, wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Result<Reader> reader = Reader::open(store);
      while (!over.load()) {
        for (const CreatedToken& token : created) {
          auto snapshot = reader->snapshot();
          const TokenState state = snapshot.find(hash_secret(token.secret), now(), loopback);
          // The role comes and goes together with the permission in it: never one without the other.
          const bool has_role =
              snapshot.subject().holds_role(snapshot.catalog().handle(EntityKind::role, "r"));
          const bool may =
              snapshot.subject().holds_permission(snapshot.catalog().handle(EntityKind::permission, "p"));
          wrong += !snapshot.ok() || (state != TokenState::valid && state != TokenState::disabled) ||
                   has_role != may;
          ++looked_up;
        }
      }
    });
  }
  for (int i = 0; i < 200 || looked_up.load() < 1000; ++i) {
    const CreatedToken& token = created[static_cast<std::size_t>(i) % created.size()];
    must(store.set_token_enabled(alice, token.token.id, i % 16 >= 8));
    EntityChange change;
    change.name = "R" + std::to_string(i);
    must(store.update_entity(alice, EntityKind::role, "r", change));
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong.load() == 0);
  must_verify(store);
}

TEST_CASE("stores of one directory are opened and closed by several threads at once") {
  TemporaryDirectory directory;
  std::atomic<std::size_t> failed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 20; ++j) {
        OpenOptions options;
        options.directory = directory.path();
        options.durable = false;
        const Result<Store> store = Store::open(options);
        failed += !store || !store->entities(EntityKind::role);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed.load() == 0);
}

}  // namespace
}  // namespace postern::store::test
