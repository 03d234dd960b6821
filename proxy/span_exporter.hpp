// Spans of requests, sent to a collector by OTLP over HTTP in its JSON form, off the loop: each shard fills a
// ring of its own, and one thread empties them all. A collector that is away costs spans, which are counted,
// never requests.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "conf/config.hpp"
#include "proxy/byte_ring.hpp"
#include "proxy/http_client.hpp"
#include "proxy/metrics.hpp"

namespace postern {

class SpanExporter {
 public:
  /// Null when the configuration names no collector. Errors: an https URL and nobody to verify it by, no
  /// descriptors left.
  [[nodiscard]] static Result<std::unique_ptr<SpanExporter>> start(const Tracing& tracing, std::size_t rings,
                                                                   ProcessMetrics& metrics);
  ~SpanExporter();  ///< sends what is there, once, if the collector answered the last time

  /// For spans as write_span() makes them.
  [[nodiscard]] ByteRing& ring(std::size_t shard) noexcept { return *rings_[shard]; }
  /// Of traces that begin here, how many of a hundred are sampled.
  [[nodiscard]] std::uint32_t sample_percent() const noexcept { return sample_percent_; }

 private:
  SpanExporter(HttpUrl url, std::shared_ptr<const TlsClient> tls, int stop, const Tracing& tracing,
               std::size_t rings, ProcessMetrics& metrics);
  void run();
  /// False once the process ends.
  [[nodiscard]] bool pause(std::chrono::milliseconds time);
  bool gather();  ///< false when no shard had any
  void send(std::chrono::seconds time, int stop);

  const HttpUrl url_;
  const std::string place_;  ///< as configured
  const std::shared_ptr<const TlsClient> tls_;
  const std::string envelope_;  ///< what stands before the spans of a report
  const std::uint32_t sample_percent_;
  ProcessMetrics& metrics_;
  std::vector<std::unique_ptr<ByteRing>> rings_;
  std::size_t next_ring_ = 0;  ///< whose turn it is when a batch does not hold what all have
  std::string
      batch_;  ///< spans, each with its line feed; kept until the collector has them or they are given up
  std::uint32_t attempts_ = 0;  ///< to send this batch
  bool reachable_ = true;       ///< the last time; what changes is told
  const int stop_;              ///< readable once the process ends
  std::thread thread_;
};

}  // namespace postern
