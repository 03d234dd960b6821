// What a writer that was killed has committed.

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/environment.hpp"
#include "store/transaction.hpp"
#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

/// A process that dies while it writes: it holds the lock of writers, and has changed nothing.
void die_writing(const Store& store) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    MDB_txn* transaction = nullptr;
    ::_exit(mdb_txn_begin(store.environment().raw(), nullptr, 0, &transaction) == 0 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
}

/// As it is when the writer dies between writing a commit and telling of it. LMDB's lock file begins with
/// eight bytes that say what it is and a mutex; then comes the number of the last commit.
void untell_last_commit(const TemporaryDirectory& directory, const Store& store) {
  constexpr off_t place = 8 + sizeof(pthread_mutex_t);
  const int file = ::open(file_of(directory, "state.mdb-lock").c_str(), O_RDWR | O_CLOEXEC);
  REQUIRE(file >= 0);
  std::size_t last = 0;
  REQUIRE(::pread(file, &last, sizeof last, place) == sizeof last);
  REQUIRE(last == store.environment().last_commit());
  --last;
  REQUIRE(::pwrite(file, &last, sizeof last, place) == sizeof last);
  ::close(file);
}

TEST_CASE("the last commit of a killed writer is seen after catching up, and only then") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  const SecretHash hash = hash_secret(must(store.create_token(alice, {})).secret);
  Reader reader = must(Reader::open(store));
  constexpr std::array<std::uint8_t, 16> nowhere{};
  const auto state = [&] { return reader.snapshot().find(hash, std::time(nullptr), nowhere); };
  CHECK(state() == TokenState::valid);
  die_writing(store);
  untell_last_commit(directory, store);
  CHECK(state() == TokenState::unknown);
  must(store.catch_up());
  CHECK(state() == TokenState::valid);
  must_verify(store);
}

}  // namespace
}  // namespace postern::store::test
