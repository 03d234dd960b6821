// Several processes on one store, and processes that die.
// A child is forked before it opens anything: an LMDB environment must not be carried across fork.

#include <cstdlib>
#include <random>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

/// A pipe for one byte or one line at a time.
class Pipe {
 public:
  Pipe() { REQUIRE(::pipe(ends_) == 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reading();
    close_writing();
  }
  void close_reading() { close(0); }
  void close_writing() { close(1); }
  void write(std::string_view text) const {
    const ssize_t written = ::write(ends_[1], text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size())) ::_exit(3);
  }
  /// A line without its end; empty when the other side is gone.
  [[nodiscard]] std::string read_line() const {
    std::string line;
    for (char c = 0; ::read(ends_[0], &c, 1) == 1;) {
      if (c == '\n') return line;
      line.push_back(c);
    }
    return {};
  }

 private:
  void close(int end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }
  int ends_[2] = {-1, -1};
};

/// Runs `work` in a child that ends with its return value.
template <class Work>
pid_t fork_child(Work work) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid != 0) return pid;
  ::alarm(300);  // no child outlives a test that failed
  // Never back into the test runner: a failed check of the child is its exit code.
  try {
    ::_exit(work());
  } catch (...) {
    ::_exit(9);
  }
}
int wait_for(pid_t pid) {
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_CASE("a revocation by one process is seen by the next look-up of another") {
  TemporaryDirectory directory;
  Pipe to_child, from_child;
  const pid_t child = fork_child([&] {
    to_child.close_writing();
    from_child.close_reading();
    static_cast<void>(to_child.read_line());
    Store store = open_store(directory);
    for (std::string line = to_child.read_line(); !line.empty(); line = to_child.read_line()) {
      const std::string id = line.substr(2);
      if (line[0] == 'd') must(store.set_token_enabled(alice, id, false));
      if (line[0] == 'e') must(store.set_token_enabled(alice, id, true));
      if (line[0] == 'r') must(store.rotate_token(alice, id, {}));
      if (line[0] == 'x') must(store.delete_entity(alice, EntityKind::role, id));
      from_child.write("done\n");
    }
    return 0;
  });
  to_child.close_reading();
  from_child.close_writing();

  Store store = open_store(directory);
  Reader reader = must(Reader::open(store));
  must(store.create_entity(alice, entity_of(EntityKind::permission, "shop.read")));
  must(store.create_entity(alice, role_of("shop.reader", {"shop.read"})));
  TokenSpec spec;
  spec.assignments.roles = {"shop.reader"};
  const CreatedToken created = must(store.create_token(alice, spec));
  to_child.write("go\n");
  const auto ask = [&](const std::string& command) {
    to_child.write(command + "\n");
    REQUIRE(from_child.read_line() == "done");
  };
  CHECK(may(reader, created.secret, "shop.read"));
  ask("d " + created.token.id);
  CHECK(state_of(reader, created.secret) == TokenState::disabled);
  ask("e " + created.token.id);
  CHECK(may(reader, created.secret, "shop.read"));
  ask("x shop.reader");
  CHECK_FALSE(may(reader, created.secret, "shop.read"));
  CHECK(state_of(reader, created.secret) == TokenState::valid);
  ask("r " + created.token.id);
  CHECK(state_of(reader, created.secret) == TokenState::rotated);
  to_child.close_writing();
  CHECK(wait_for(child) == 0);
  must_verify(store);
}

TEST_CASE("processes that make a store at the same moment make one") {
  TemporaryDirectory directory;
  Pipe start;
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(fork_child([&, i] {
      start.close_writing();
      static_cast<void>(start.read_line());
      Store store = open_store(directory);
      for (int j = 0; j < 20; ++j)
        must(store.create_user(alice, user_of("u" + std::to_string(i) + "-" + std::to_string(j))));
      return 0;
    }));
  }
  start.close_writing();
  for (const pid_t child : children) CHECK(wait_for(child) == 0);
  Store store = open_store(directory);
  CHECK(must(store.users({"", 0})).size() == 80);
  CHECK(must(store.audit(0, 0)).size() == 81);
  must_verify(store);
}

TEST_CASE("a reader that was killed does not make the store grow") {
  TemporaryDirectory directory;
  Pipe ready;
  const pid_t child = fork_child([&] {
    Store store = open_store(directory);
    Reader reader = must(Reader::open(store));
    auto snapshot = reader.snapshot();
    ready.write("ready\n");
    for (;;) ::pause();
    return 0;
  });
  REQUIRE(ready.read_line() == "ready");
  // Opened while the other lives: a lone process would find the table of readers empty anyway.
  Store store = open_store(directory);
  REQUIRE(::kill(child, SIGKILL) == 0);
  CHECK(wait_for(child) == -SIGKILL);
  const CreatedToken created = must(store.create_token(alice, {}));
  const auto toggle = [&] {
    for (int i = 0; i < 100; ++i) must(store.set_token_enabled(alice, created.token.id, i % 2 != 0));
  };
  toggle();
  const auto settled = std::filesystem::file_size(file_of(directory, "state.mdb"));
  toggle();
  CHECK(std::filesystem::file_size(file_of(directory, "state.mdb")) < settled + 32 * 4096);
}

/// Runs `work` as process 1 of a PID namespace of its own; ends with 77 when this system does not allow it.
template <class Work>
pid_t fork_namespace(Work work) {
  return fork_child([&]() -> int {
    if (::unshare(CLONE_NEWPID) != 0) return 77;
    const pid_t first = ::fork();
    if (first == 0) ::_exit(work());
    int status = 0;
    ::waitpid(first, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  });
}

TEST_CASE("a process of the same id in another PID namespace is refused with a sentence, not corrupted") {
  TemporaryDirectory directory;
  must(open_store(directory).space());
  Pipe ready, over;
  const pid_t first = fork_namespace([&] {
    Store store = open_store(directory);
    Reader reader = must(Reader::open(store));
    ready.write("ready\n");
    static_cast<void>(over.read_line());
    return 0;
  });
  ready.close_writing();
  if (ready.read_line() != "ready") {
    CHECK(wait_for(first) == 77);
    MESSAGE("skipped: no PID namespaces here");
    return;
  }
  const pid_t second = fork_namespace([&] {
    OpenOptions options;
    options.directory = directory.path();
    options.durable = false;
    const auto refused = Store::open(options);
    if (refused || refused.error().kind != ErrorKind::unavailable) return 2;
    return refused.error().message.find("PID namespace") == std::string::npos ? 3 : 0;
  });
  CHECK(wait_for(second) == 0);
  over.write("over\n");
  CHECK(wait_for(first) == 0);
  must_verify(open_store(directory));
}

/// Makes, rotates and deletes tokens until it is killed; says what is done only when it is.
[[noreturn]] void write_forever(const TemporaryDirectory& directory, const Pipe& done) {
  OpenOptions options;
  options.directory = directory.path();
  Store store = must(Store::open(options));  // durable, as in life
  for (std::uint64_t i = 0;; ++i) {
    const CreatedToken created = must(store.create_token(alice, {}));
    done.write(created.token.id + "\n");
    if (i % 4 == 1) must(store.rotate_token(alice, created.token.id, {}));
    if (i % 8 == 2) must(store.create_tokens(alice, std::vector<TokenSpec>(20)));
    const std::string group = "g" + std::to_string(::getpid()) + "." + std::to_string(i);
    if (i % 16 == 3) must(store.create_entity(alice, entity_of(EntityKind::group, group)));
  }
}

TEST_CASE("whenever a writer is killed, every acknowledged write is there and the store is whole") {
  const char* given = std::getenv("POSTERN_KILL_ROUNDS");
  const int rounds = given != nullptr ? std::atoi(given) : 8;
  TemporaryDirectory directory;
  std::minstd_rand random(7);
  std::vector<std::string> acknowledged;
  for (int round = 0; round < rounds; ++round) {
    Pipe done;
    const pid_t child = fork_child([&]() -> int { write_forever(directory, done); });
    done.close_writing();
    // Killed after a random number of writes, and then at a random point within the next.
    for (auto i = random() % 30; i-- > 0;) acknowledged.push_back(done.read_line());
    for (auto i = random() % 20'000; i-- > 0;) static_cast<void>(::getppid());
    REQUIRE(::kill(child, SIGKILL) == 0);
    CHECK(wait_for(child) == -SIGKILL);
    for (std::string id = done.read_line(); !id.empty(); id = done.read_line()) acknowledged.push_back(id);

    Store store = open_store(directory);
    must_verify(store);
    for (const std::string& id : acknowledged) {
      CAPTURE(id);
      REQUIRE(store.token(id).has_value());
    }
  }
  CHECK(acknowledged.size() > static_cast<std::size_t>(rounds));
}

}  // namespace
}  // namespace postern::store::test
