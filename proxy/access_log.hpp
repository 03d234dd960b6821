// The access log: one JSON line a request, written off the loop. Each shard fills a ring of its own; one
// thread empties them all. A log that cannot keep up costs lines, which are counted, never requests.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "conf/result.hpp"
#include "proxy/metrics.hpp"

namespace postern {

class AccessLog {
 public:
  /// Bytes between one shard (the only writer) and the log's thread (the only reader).
  class Ring {
   public:
    Ring();
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    /// False when there is no room: the line is lost, and the caller counts it.
    [[nodiscard]] bool put(std::string_view line) noexcept;

   private:
    friend class AccessLog;
    static constexpr std::uint64_t size = 512 * 1024;  // a power of two; pages are touched as they are used
    char* bytes_;
    alignas(64) std::atomic<std::uint64_t> written_{0};
    alignas(64) std::atomic<std::uint64_t> read_{0};
  };

  /// `target`: "-" for standard output, "off", or a file that is appended to (mode 0640). `rings` is the
  /// number of shards.
  [[nodiscard]] static Result<std::unique_ptr<AccessLog>> open(const std::string& target, std::size_t rings,
                                                               ProcessMetrics& metrics);
  ~AccessLog();  ///< writes out what is there

  [[nodiscard]] bool enabled() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] Ring& ring(std::size_t shard) noexcept { return *rings_[shard]; }
  /// Wakes the thread if it sleeps. Once per batch of events, by a shard that put something.
  void wake() noexcept;
  /// Opens the file anew, after somebody rotated it. Errors leave the old one in use.
  [[nodiscard]] Status reopen();

 private:
  AccessLog(std::string target, int descriptor, std::size_t rings, ProcessMetrics& metrics);
  void run() noexcept;
  [[nodiscard]] bool write_out() noexcept;
  void write_fully(const char* bytes, std::size_t size) noexcept;

  std::string target_;
  std::atomic<int> descriptor_;
  ProcessMetrics& metrics_;
  std::vector<std::unique_ptr<Ring>> rings_;
  std::atomic<std::uint32_t> sleeping_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace postern
