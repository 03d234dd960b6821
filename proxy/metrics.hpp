// Numbers for Prometheus. Each shard counts in its own slab with plain loads and stores; a scrape adds them
// up.

#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "policy/decide.hpp"
#include "proxy/counter.hpp"
#include "proxy/upstream_metrics.hpp"
#include "store/reader.hpp"

namespace postern {

/// Request durations in buckets of powers of two from 64 µs to 16 s, and beyond.
struct DurationHistogram {
  static constexpr std::size_t bucket_count = 20;
  std::array<Counter, bucket_count> buckets;
  Counter sum_microseconds;

  void add(std::chrono::microseconds duration) noexcept;
  /// Upper bound of a bucket in microseconds; the last one has none.
  [[nodiscard]] static std::uint64_t bound(std::size_t bucket) noexcept {
    return std::uint64_t{64} << bucket;
  }
};

/// One shard's slab.
struct alignas(64) ShardMetrics {
  std::array<Counter, 600>
      requests_by_status;  ///< index: the status sent; 0: the client was gone before there was one
  std::array<Counter, 16> decisions_by_reason;       ///< index: policy::Reason
  std::array<Counter, 16> lookups_by_state;          ///< index: store::TokenState
  std::array<Counter, 16> shadow_denials_by_reason;  ///< index: policy::Reason
  DurationHistogram duration;
  Counter connections_accepted, connections_open, connections_refused;
  Counter connections_refused_per_client;
  Counter requests_refused;  // limits.requests_in_flight
  Counter auth_failures_limited;
  Counter slow_bodies;  // limits.body_rate_min
  Counter rechecks, streams_cut;
  Counter accept_pauses;
  Counter proxy_headers_refused;
  Counter tls_handshakes, tls_handshake_failures, tls_resumptions;
  Counter exchanges_open;
  Counter upstream_connects, upstream_connect_failures, upstream_reuses, upstream_retries, upstream_open,
      upstream_idle;
  Counter body_bytes_received, body_bytes_sent;
  Counter log_lines_dropped;
  Counter spans_dropped;  ///< too large, or no room while the collector is away
};

/// Days ahead for which the tokens that end are counted.
inline constexpr std::array<unsigned, 3> expiry_days = {1, 7, 30};

/// What is true of the whole process; written by the control thread.
struct ProcessMetrics {
  Counter reloads, reload_failures;
  Counter log_write_errors;
  Counter spans_exported, spans_unsent;  ///< taken by the collector; given up
  Counter tls_reloads, tls_reload_failures;
  std::atomic<std::int64_t> tls_expires{0};  ///< Unix seconds; 0: no TLS
  std::atomic<bool> last_reload_ok{true};
  std::atomic<bool> last_catalog_ok{true};
  std::atomic<std::int64_t> last_reload_time{0};  ///< Unix seconds
  std::atomic<std::uint64_t> policy_rules{0};
  Counter rules_added, rules_removed, rules_changed;  ///< by reloads
  std::atomic<bool> files_watched{true};
  std::atomic<std::uint64_t> policy_missing{
      0};  ///< named things of the policy that the catalog does not have
  std::atomic<std::uint64_t> store_used{0}, store_size{0};
  std::array<std::atomic<std::uint64_t>, 3> tokens_expiring{};  ///< within expiry_days
  Counter usage_failures;  ///< times that uses of tokens could not be written down
  Counter rotated_secrets_used, canaries_used;
  std::atomic<std::uint64_t> usage_dropped{0};
};

/// An upstream for the exposition: its addresses as the control plane knows them now, and its numbers in each
/// shard.
struct UpstreamSeries {
  struct Address {
    std::string text;
    std::size_t slot = 0;
    bool healthy = true;
    std::string host;  ///< the name it was found under
  };
  std::string name;
  std::vector<Address> addresses;
  std::vector<const UpstreamMetrics*> shards;
};

/// Shards that leave the address alone at `now_ms`, of the steady clock.
[[nodiscard]] std::uint64_t shards_ejecting(const UpstreamSeries& upstream,
                                            const UpstreamSeries::Address& address,
                                            std::uint64_t now_ms) noexcept;
[[nodiscard]] std::uint64_t steady_milliseconds() noexcept;

/// The exposition in Prometheus' text format 0.0.4.
[[nodiscard]] std::string render_metrics(std::span<const ShardMetrics* const> shards,
                                         const ProcessMetrics& process,
                                         std::span<const UpstreamSeries> upstreams = {});

}  // namespace postern
