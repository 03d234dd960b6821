// Opening: what is made, what is refused, and with which words.

#include <fstream>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

unsigned mode_of(const std::string& path) {
  struct stat found = {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 0777;
}

Result<Store> try_open(const TemporaryDirectory& directory, OpenOptions options = {}) {
  options.directory = directory.path();
  options.durable = false;
  return Store::open(options);
}

/// Writes one pair into a file of the store, as another program would.
void write_raw(const std::string& file, const char* database, std::string_view key, std::string_view value) {
  MDB_env* environment = nullptr;
  REQUIRE(mdb_env_create(&environment) == 0);
  REQUIRE(mdb_env_set_maxdbs(environment, 32) == 0);
  REQUIRE(mdb_env_open(environment, file.c_str(), MDB_NOSUBDIR, 0600) == 0);
  MDB_txn* transaction = nullptr;
  REQUIRE(mdb_txn_begin(environment, nullptr, 0, &transaction) == 0);
  MDB_dbi handle = 0;
  REQUIRE(mdb_dbi_open(transaction, database, MDB_CREATE, &handle) == 0);
  MDB_val k = {key.size(), const_cast<char*>(key.data())},
          v = {value.size(), const_cast<char*>(value.data())};
  REQUIRE(mdb_put(transaction, handle, &k, &v, 0) == 0);
  REQUIRE(mdb_txn_commit(transaction) == 0);
  mdb_env_close(environment);
}

TEST_CASE("a new store is private, whatever the umask and the directory around it") {
  TemporaryDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  const mode_t before = ::umask(0);
  Store store = open_store(directory);
  ::umask(before);
  CHECK(store.path() == std::filesystem::canonical(directory.path() / "postern.store"));
  CHECK(mode_of(store.path()) == 0700);
  for (const char* file : {"state.mdb", "state.mdb-lock", "usage.mdb", "usage.mdb-lock"}) {
    CAPTURE(file);
    CHECK(mode_of(file_of(directory, file)) == 0600);
  }
  must_verify(store);
  const auto space = must(store.space());
  CHECK(space.size == std::uint64_t{64} << 30);
  CHECK(space.used > 0);
  CHECK(space.used < 1 << 20);
}

TEST_CASE("the given directory is made when only itself is missing") {
  TemporaryDirectory directory;
  OpenOptions options;
  options.durable = false;
  options.directory = directory.path() / "data";
  must(Store::open(options));
  options.directory = directory.path() / "no" / "such";
  CHECK(failure(Store::open(options)) == ErrorKind::not_found);
}

TEST_CASE("without create, a store that is not there is not found and not made") {
  TemporaryDirectory directory;
  OpenOptions options;
  options.create = false;
  CHECK(failure(try_open(directory, options)) == ErrorKind::not_found);
  CHECK(std::filesystem::is_empty(directory.path()));
  // A crash between making the directory and the first commit leaves no store either.
  std::filesystem::create_directory(directory.path() / "postern.store");
  REQUIRE(::chmod((directory.path() / "postern.store").c_str(), 0700) == 0);
  CHECK(failure(try_open(directory, options)) == ErrorKind::not_found);
  must(try_open(directory));
  must(try_open(directory, options));
}

TEST_CASE("what is open to others is refused with the command that closes it") {
  TemporaryDirectory directory;
  must(try_open(directory));
  struct Case {
    const char* file;
    mode_t open, closed;
  };
  for (const Case& one : {Case{"", 0750, 0700},
                          {"", 0701, 0700},
                          {"state.mdb", 0640, 0600},
                          {"state.mdb-lock", 0604, 0600},
                          {"usage.mdb", 0660, 0600},
                          {"usage.mdb-lock", 0606, 0600}}) {
    CAPTURE(one.file);
    REQUIRE(::chmod(file_of(directory, one.file).c_str(), one.open) == 0);
    const auto refused = try_open(directory);
    CHECK(failure(refused) == ErrorKind::invalid);
    CHECK(refused.error().message.find("chmod") != std::string::npos);
    REQUIRE(::chmod(file_of(directory, one.file).c_str(), one.closed) == 0);
    must(try_open(directory));
  }
}

TEST_CASE("what the start of a pod has opened to its group is closed again, and nothing more") {
  constexpr const char* files[] = {"state.mdb", "state.mdb-lock", "usage.mdb", "usage.mdb-lock"};
  const auto mode_of = [](const auto& path) {
    struct stat found = {};
    REQUIRE(::stat(std::filesystem::path(path).c_str(), &found) == 0);
    return found.st_mode & 07777;
  };
  TemporaryDirectory directory;
  must(try_open(directory));
  const auto give_to_group = [&](mode_t files_mode) {
    for (const char* file : files) REQUIRE(::chmod(file_of(directory, file).c_str(), files_mode) == 0);
    REQUIRE(::chmod(file_of(directory, "").c_str(), 02770) == 0);
  };
  give_to_group(0660);
  must(try_open(directory));
  CHECK(mode_of(file_of(directory, "")) == 0700);
  for (const char* file : files) CHECK(mode_of(file_of(directory, file)) == 0600);

  give_to_group(0666);
  CHECK(failure(try_open(directory)) == ErrorKind::invalid);
  if (::geteuid() != 0) return;  // only root can give files away
  give_to_group(0660);
  REQUIRE(::chown(file_of(directory, "").c_str(), 0, 12345) == 0);
  REQUIRE(::chmod(file_of(directory, "").c_str(), 02770) == 0);
  CHECK(failure(try_open(directory)) == ErrorKind::invalid);
}

TEST_CASE("what belongs to somebody else is refused") {
  if (::geteuid() != 0) return;  // only root can give files away
  TemporaryDirectory directory;
  must(try_open(directory));
  REQUIRE(::chown(file_of(directory, "state.mdb").c_str(), 12345, 12345) == 0);
  CHECK(failure(try_open(directory)) == ErrorKind::invalid);
}

TEST_CASE("a store of a newer format is refused with a sentence and left alone") {
  TemporaryDirectory directory;
  must(try_open(directory));
  write_raw(file_of(directory, "state.mdb"), "meta", "format", std::string("\x02\0\0\0\0\0\0\0", 8));
  const auto refused = try_open(directory);
  CHECK(failure(refused) == ErrorKind::incompatible);
  CHECK(refused.error().message == "store: made by a newer postern (format 2; this one reads 1)");
}

TEST_CASE("another program's file is refused") {
  struct Case {
    const char* name;
    void (*make)(const std::string& file);
  };
  const Case cases[] = {
      {"an LMDB file without our meta", [](const std::string& file) { write_raw(file, "other", "k", "v"); }},
      {"an LMDB file with another meta", [](const std::string& file) { write_raw(file, "meta", "k", "v"); }},
      {"no LMDB file", [](const std::string& file) { std::ofstream(file) << std::string(100'000, 'x'); }},
      {"a short file", [](const std::string& file) { std::ofstream(file) << "x"; }},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    TemporaryDirectory directory;
    std::filesystem::create_directory(directory.path() / "postern.store");
    REQUIRE(::chmod((directory.path() / "postern.store").c_str(), 0700) == 0);
    one.make(file_of(directory, "state.mdb"));
    for (const auto& entry : std::filesystem::directory_iterator(directory.path() / "postern.store"))
      REQUIRE(::chmod(entry.path().c_str(), 0600) == 0);
    const auto before = std::filesystem::file_size(file_of(directory, "state.mdb"));
    CHECK(failure(try_open(directory)) == ErrorKind::incompatible);
    CHECK(std::filesystem::file_size(file_of(directory, "state.mdb")) == before);
  }
}

TEST_CASE("a store that was replaced is not written to, as if anybody would read that") {
  TemporaryDirectory directory;
  Store store = open_store(directory);
  must(store.create_token(alice, {}));
  const std::string file = file_of(directory, "state.mdb");
  std::filesystem::rename(file, file + ".old");
  std::filesystem::copy_file(file + ".old", file);
  const auto refused = store.create_token(alice, {});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == ErrorKind::unavailable);
  CHECK(refused.error().message.find("was replaced") != std::string::npos);
}

TEST_CASE("a file in the place of the directory, and a link to elsewhere, are refused") {
  TemporaryDirectory directory;
  const auto place = directory.path() / "postern.store";
  std::ofstream(place) << "x";
  CHECK(failure(try_open(directory)) == ErrorKind::incompatible);
  std::filesystem::remove(place);
  std::filesystem::create_directory_symlink("/tmp", place);
  CHECK(failure(try_open(directory)) == ErrorKind::incompatible);
}

TEST_CASE("one process may open a store several times, by several spellings of its path") {
  TemporaryDirectory directory;
  auto first = std::make_unique<Store>(open_store(directory));
  OpenOptions options;
  options.directory = directory.path().string() + "/./";
  options.durable = false;
  Store second = must(Store::open(options));
  const CreatedToken created = must(second.create_token(alice, {}));
  Reader reader = must(Reader::open(*first));
  CHECK(state_of(reader, created.secret) == TokenState::valid);
  // Closing one must not drop the locks of the other.
  first.reset();
  CHECK(state_of(reader, created.secret) == TokenState::valid);
  must(second.delete_token(alice, created.token.id));
  CHECK(state_of(reader, created.secret) == TokenState::unknown);
  options.durable = true;
  CHECK(failure(Store::open(options)) == ErrorKind::conflict);
}

TEST_CASE("a full map refuses the change, says so, and leaves the store whole") {
  TemporaryDirectory directory;
  OpenOptions options;
  options.size_max = 256 * 1024;
  Store store = must(try_open(directory, options));
  Reader reader = must(Reader::open(store));
  TokenSpec spec;
  spec.description = std::string(1000, 'x');
  std::vector<CreatedToken> made;
  for (;;) {
    auto created = store.create_token(alice, spec);
    if (created) {
      made.push_back(std::move(*created));
      REQUIRE(made.size() < 10'000);
      continue;
    }
    CHECK(created.error().kind == ErrorKind::exhausted);
    CHECK(created.error().message.find("store_size_max") != std::string::npos);
    break;
  }
  CHECK(made.size() > 10);
  for (const CreatedToken& one : made) CHECK(state_of(reader, one.secret) == TokenState::valid);
  must_verify(store);
  const auto space = must(store.space());
  CHECK(space.size == options.size_max);
  CHECK(space.used <= space.size);
  CHECK(space.used > space.size / 2);
}

TEST_CASE("a store keeps the size it was made with, and grows when it is opened with a larger one") {
  TemporaryDirectory directory;
  OpenOptions options;
  options.size_max = 1 << 20;
  must(try_open(directory, options));
  CHECK(must(must(try_open(directory)).space()).size == 1 << 20);
  options.size_max = (1 << 21) + 1;  // rounded up to whole pages
  CHECK(must(must(try_open(directory, options)).space()).size == (1 << 21) + 4096);
}

TEST_CASE("a prefix that could not stand in a bearer token is refused") {
  TemporaryDirectory directory;
  OpenOptions options;
  for (const char* prefix : {"", "a b", "caf\xc3\xa9", "a,b", "0123456789012345678901234567890123"}) {
    CAPTURE(prefix);
    options.token_prefix = prefix;
    CHECK(failure(try_open(directory, options)) == ErrorKind::invalid);
  }
}

}  // namespace
}  // namespace postern::store::test
