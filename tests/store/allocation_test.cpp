// A look-up allocates nothing. Counts every allocation of this program.

#include <atomic>
#include <cstdlib>
#include <new>

#include "store_fixture.hpp"

namespace {
std::atomic<std::size_t> allocations{0};
}

// All forms that a library may call, or a sanitizer finds one kind of memory freed as another. Not inlined,
// or gcc 12 takes the malloc() within for a mismatch with the delete outside.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace postern::store::test {
namespace {

TEST_CASE("hashing, checking the form and looking up allocate nothing, whatever is found") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  must(store.create_entity(alice, entity_of(EntityKind::permission, "project.read")));
  must(store.create_entity(alice, role_of("reader", {"project.read"})));
  User user = user_of("anna");
  user.name = std::string(200, 'a');
  user.assignments.roles = {"reader"};
  for (int i = 0; i < 100; ++i)
    user.assignments.grants.push_back({"project.read", "project/" + std::to_string(i)});
  must(store.create_user(alice, user));
  TokenSpec own, owned, disabled;
  own.name = std::string(200, 'b');
  own.assignments = user.assignments;
  owned.owner = "anna";
  disabled.enabled = false;
  std::vector<std::string> secrets = {"unknown-secret-of-nobody"};
  for (const TokenSpec& spec : {own, owned, disabled})
    secrets.push_back(must(store.create_token(alice, spec)).secret);
  const CreatedToken rotated = must(store.create_token(alice, own));
  must(store.rotate_token(alice, rotated.token.id, {.grace = std::chrono::hours(1), .expires = {}}));
  secrets.push_back(rotated.secret);

  Reader reader = must(Reader::open(store));
  { const auto warm = reader.snapshot(); }  // compiles the catalog
  std::size_t valid = 0;
  const std::size_t before = allocations.load();
  for (int round = 0; round < 10; ++round) {
    for (const std::string& secret : secrets) {
      auto snapshot = reader.snapshot();
      if (secret_form(secret, "pst_") == SecretForm::corrupt) continue;
      valid += snapshot.find(hash_secret(secret), now(), loopback) == TokenState::valid;
    }
  }
  const std::size_t after = allocations.load();
  CHECK(after == before);
  CHECK(valid == 30);
}

}  // namespace
}  // namespace postern::store::test
