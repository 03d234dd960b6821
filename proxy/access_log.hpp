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
#include "proxy/byte_ring.hpp"
#include "proxy/metrics.hpp"

namespace postern {

class AccessLog {
 public:
  /// `target`: "-" for standard output, "off", or a file that is appended to (mode 0640). `rings` is the
  /// number of shards.
  [[nodiscard]] static Result<std::unique_ptr<AccessLog>> open(const std::string& target, std::size_t rings,
                                                               ProcessMetrics& metrics);
  ~AccessLog();  ///< writes out what is there

  [[nodiscard]] bool enabled() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] ByteRing& ring(std::size_t shard) noexcept { return *rings_[shard]; }
  /// Wakes the thread if it sleeps. Once per batch of events, by a shard that put something.
  void wake() noexcept;
  /// Opens the file anew, after somebody rotated it. Errors leave the old one in use.
  [[nodiscard]] Status reopen();

 private:
  static constexpr std::uint64_t ring_bytes = 1024 * 1024;
  AccessLog(std::string target, int descriptor, std::size_t rings, ProcessMetrics& metrics);
  void run() noexcept;
  /// How many bytes came from the ring that held most; 0: there was nothing.
  std::size_t write_out() noexcept;
  void write_fully(const char* bytes, std::size_t size) noexcept;

  std::string target_;
  std::atomic<int> descriptor_;
  ProcessMetrics& metrics_;
  std::vector<std::unique_ptr<ByteRing>> rings_;
  std::atomic<std::uint32_t> sleeping_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace postern
