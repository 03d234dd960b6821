// The access log: whole lines in order, or none.

#include "proxy/access_log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/conf/temporary_directory.hpp"

using namespace postern;
using namespace postern::test;

namespace {

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::unique_ptr<AccessLog> open(const std::filesystem::path& file, ProcessMetrics& metrics,
                                std::size_t rings = 1) {
  auto log = AccessLog::open(file.string(), rings, metrics);
  REQUIRE(log.has_value());
  return std::move(*log);
}

/// A line that tells its number and is as long as `size`.
std::string line(int number, std::size_t size) {
  std::string text = std::to_string(number) + " ";
  text.resize(size - 1, static_cast<char>('a' + number % 26));
  return text + "\n";
}

/// A pipe with a name, so that a log can be made to wait for its reader.
class Fifo {
 public:
  Fifo() : path_(directory_.path() / "log") {
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
    fd_ = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(fd_ >= 0);
    REQUIRE(::fcntl(fd_, F_SETFL, 0) == 0);
  }
  ~Fifo() { ::close(fd_); }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Until the writer has closed.
  [[nodiscard]] std::string read_all() const {
    std::string all;
    char bytes[65536];
    for (ssize_t count = 0; (count = ::read(fd_, bytes, sizeof bytes)) > 0;)
      all.append(bytes, static_cast<std::size_t>(count));
    return all;
  }

 private:
  TemporaryDirectory directory_;
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace

TEST_CASE("lines stand in the file in their order when the log has closed, after what was there before") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("log", "before\n");
  ProcessMetrics metrics;
  {
    const auto log = open(file, metrics);
    CHECK(log->enabled());
    CHECK(log->ring(0).put("one\n"));
    CHECK(log->ring(0).put("two\n"));
    log->wake();
    CHECK(log->ring(0).put("three\n"));  // without a wake: the end writes it
  }
  CHECK(content(file) == "before\none\ntwo\nthree\n");
  CHECK(metrics.log_write_errors.get() == 0);
}

TEST_CASE("lines that pass the edge of the ring come out whole") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "log";
  ProcessMetrics metrics;
  std::string expected;
  {
    const auto log = open(file, metrics);
    for (int i = 0; i < 4000; ++i) {  // about five times the ring, in sizes that never meet its edge
      const std::string text = line(i, 100 + static_cast<std::size_t>(i * 7 % 1201));
      while (!log->ring(0).put(text)) {
        log->wake();
        std::this_thread::yield();
      }
      if (i % 16 == 0) log->wake();
      expected += text;
    }
  }
  CHECK((content(file) == expected));
}

TEST_CASE("a ring that is full loses lines, whole ones, and takes them again when there is room") {
  const Fifo fifo;
  ProcessMetrics metrics;
  std::string accepted;
  int lost = 0;
  std::string written;
  {
    auto log = open(fifo.path(), metrics);
    // The thread fills the pipe and waits in its write, so the ring fills up: more than ring and pipe hold
    // together.
    for (int i = 0; i < 700; ++i) {
      const std::string text = line(i, 2000);
      if (log->ring(0).put(text))
        accepted += text;
      else
        ++lost;
      log->wake();
    }
    CHECK(lost > 0);
    std::thread reader([&] { written = fifo.read_all(); });
    const std::string last = line(1000, 2000);
    while (!log->ring(0).put(last)) {
      log->wake();
      std::this_thread::yield();
    }
    accepted += last;
    log.reset();
    reader.join();
  }
  CHECK((written == accepted));
}

TEST_CASE("no line is longer than the room there is") {
  const Fifo fifo;  // nobody reads: nothing leaves the ring but what the pipe takes
  ProcessMetrics metrics;
  std::string written;
  auto log = open(fifo.path(), metrics);
  CHECK_FALSE(log->ring(0).put(std::string(1024 * 1024 + 1, 'x')));
  CHECK(log->ring(0).put(std::string(1024 * 1024, 'x')));
  CHECK_FALSE(log->ring(0).put("y"));  // not even read yet: nobody has woken the thread, or the pipe is full
  std::thread reader([&] { written = fifo.read_all(); });
  log.reset();
  reader.join();
  CHECK(written.size() == 1024 * 1024);
}

TEST_CASE("shards write at once, each its own lines in order, none lost, none mixed") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "log";
  ProcessMetrics metrics;
  constexpr int shards = 3;
  constexpr int each = 3000;
  {
    const auto log = open(file, metrics, shards);
    std::vector<std::thread> threads;
    for (int shard = 0; shard < shards; ++shard)
      threads.emplace_back([&, shard] {
        for (int i = 0; i < each; ++i) {
          const std::string text = std::to_string(shard) + " " + std::to_string(i) + "\n";
          while (!log->ring(static_cast<std::size_t>(shard)).put(text)) std::this_thread::yield();
          if (i % 8 == 0) log->wake();
        }
        log->wake();
      });
    for (std::thread& thread : threads) thread.join();
  }
  std::ifstream in(file);
  std::vector<int> next(shards, 0);
  int shard = 0;
  int number = 0;
  while (in >> shard >> number) {
    REQUIRE(shard < shards);
    REQUIRE(number == next[static_cast<std::size_t>(shard)]++);
  }
  CHECK(in.eof());
  CHECK(next == std::vector<int>(shards, each));
}

TEST_CASE("a log that was rotated goes on in a new file") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "log";
  const auto rotated = directory.path() / "log.1";
  ProcessMetrics metrics;
  {
    const auto log = open(file, metrics);
    CHECK(log->ring(0).put("old\n"));
    log->wake();
    while (content(file).empty()) std::this_thread::yield();
    std::filesystem::rename(file, rotated);
    CHECK(log->reopen().has_value());
    CHECK(log->ring(0).put("new\n"));
  }
  CHECK(content(rotated) == "old\n");
  CHECK(content(file) == "new\n");
}

TEST_CASE("a log that cannot be opened anew stays in use") {
  const TemporaryDirectory directory;
  const auto inner = directory.path() / "inner";
  const auto moved = directory.path() / "moved";
  std::filesystem::create_directory(inner);
  ProcessMetrics metrics;
  {
    const auto log = open(inner / "log", metrics);
    std::filesystem::rename(inner, moved);
    const Status status = log->reopen();
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().message.find("access log ") == 0);
    CHECK(log->ring(0).put("still here\n"));
  }
  CHECK(content(moved / "log") == "still here\n");
}

TEST_CASE("others may not read the log") {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "log";
  ProcessMetrics metrics;
  { const auto log = open(file, metrics); }
  const auto others = std::filesystem::status(file).permissions() & std::filesystem::perms::others_all;
  CHECK(others == std::filesystem::perms::none);
}

TEST_CASE("a log that is off, and one that cannot be written") {
  ProcessMetrics metrics;
  CHECK_FALSE(open("off", metrics)->enabled());
  CHECK_FALSE(AccessLog::open("/dev/null/log", 1, metrics).has_value());
  {
    const auto full = open("/dev/full", metrics);
    CHECK(full->ring(0).put("lost\n"));
  }
  CHECK(metrics.log_write_errors.get() == 1);
}
