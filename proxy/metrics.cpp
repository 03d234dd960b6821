#include "proxy/metrics.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <functional>

#include "conf/option.hpp"

namespace postern {
namespace {

using Shards = std::span<const ShardMetrics* const>;

class Exposition {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP postern_" + name_ + " " + std::string(help) + "\n# TYPE postern_" + name_ + " " +
             std::string(type) + "\n";
  }
  void sample(std::string_view labels, std::uint64_t value, std::string_view suffix = {}) {
    sample_text(labels, std::to_string(value), suffix);
  }
  void sample_text(std::string_view labels, const std::string& value, std::string_view suffix = {}) {
    text_ += "postern_" + name_ + std::string(suffix);
    if (!labels.empty()) text_ += "{" + std::string(labels) + "}";
    text_ += " " + value + "\n";
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_, name_;
};

std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + std::string(value) + "\"";
}

std::string seconds_of(std::uint64_t microseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", static_cast<double>(microseconds) / 1e6);
  return text;
}

void render_histogram(Exposition& out, Shards shards) {
  out.family("request_duration_seconds", "histogram",
             "From the first byte of a request to the last of its answer.");
  std::uint64_t count = 0;
  std::uint64_t total = 0;
  for (std::size_t bucket = 0; bucket < DurationHistogram::bucket_count; ++bucket) {
    for (const ShardMetrics* shard : shards) count += shard->duration.buckets[bucket].get();
    const bool last = bucket + 1 == DurationHistogram::bucket_count;
    out.sample(label("le", last ? "+Inf" : seconds_of(DurationHistogram::bound(bucket))), count, "_bucket");
  }
  for (const ShardMetrics* shard : shards) total += shard->duration.sum_microseconds.get();
  out.sample_text({}, seconds_of(total), "_sum");
  out.sample({}, count, "_count");
}

struct Plain {
  std::string_view name, type, help;
  Counter ShardMetrics::*counter;
};
constexpr Plain plain[] = {
    {"client_connections_accepted_total", "counter", "Client connections accepted.",
     &ShardMetrics::connections_accepted},
    {"client_connections_refused_total", "counter",
     "Client connections closed at once because the limit was reached.", &ShardMetrics::connections_refused},
    {"client_connections_refused_per_client_total", "counter",
     "Client connections closed at once because their address had too many.",
     &ShardMetrics::connections_refused_per_client},
    {"requests_refused_total", "counter", "Requests refused because too many were being served.",
     &ShardMetrics::requests_refused},
    {"auth_failures_limited_total", "counter", "Unusable tokens answered by 429: their address had too many.",
     &ShardMetrics::auth_failures_limited},
    {"slow_bodies_total", "counter", "Request bodies given up because they came too slowly.",
     &ShardMetrics::slow_bodies},
    {"rechecks_total", "counter", "Looks at the token and the rule of a request that was still open.",
     &ShardMetrics::rechecks},
    {"streams_cut_total", "counter", "Open requests ended because their token or rule no longer held.",
     &ShardMetrics::streams_cut},
    {"client_connections", "gauge", "Client connections now open.", &ShardMetrics::connections_open},
    {"accept_pauses_total", "counter", "Times accepting paused because descriptors were exhausted.",
     &ShardMetrics::accept_pauses},
    {"proxy_headers_refused_total", "counter",
     "Connections closed because no good PROXY header came, or not from a trusted proxy.",
     &ShardMetrics::proxy_headers_refused},
    {"tls_handshakes_total", "counter", "TLS handshakes of clients completed.",
     &ShardMetrics::tls_handshakes},
    {"tls_handshake_failures_total", "counter", "TLS handshakes of clients that came to nothing.",
     &ShardMetrics::tls_handshake_failures},
    {"tls_resumptions_total", "counter", "TLS handshakes of clients that took an earlier session up again.",
     &ShardMetrics::tls_resumptions},
    {"requests_in_flight", "gauge", "Requests being served now.", &ShardMetrics::exchanges_open},
    {"upstream_connects_total", "counter", "Upstream connections made.", &ShardMetrics::upstream_connects},
    {"upstream_connect_failures_total", "counter", "Upstream connections that could not be made.",
     &ShardMetrics::upstream_connect_failures},
    {"upstream_reuses_total", "counter", "Requests sent on a kept upstream connection.",
     &ShardMetrics::upstream_reuses},
    {"upstream_retries_total", "counter", "Requests sent again because a kept connection had died.",
     &ShardMetrics::upstream_retries},
    {"upstream_connections", "gauge", "Upstream connections now open, idle ones included.",
     &ShardMetrics::upstream_open},
    {"upstream_connections_idle", "gauge", "Upstream connections kept for reuse.",
     &ShardMetrics::upstream_idle},
    {"request_body_bytes_total", "counter", "Bytes of request bodies received.",
     &ShardMetrics::body_bytes_received},
    {"response_body_bytes_total", "counter", "Bytes of response bodies sent.",
     &ShardMetrics::body_bytes_sent},
    {"access_log_lines_dropped_total", "counter", "Access log lines lost because the log could not keep up.",
     &ShardMetrics::log_lines_dropped},
    {"spans_dropped_total", "counter", "Spans lost because there was no room for them.",
     &ShardMetrics::spans_dropped},
};

/// Samples of an array of counters whose index is an enumerator or a status; zeros of later indices are left
/// out.
template <std::size_t N, class Name>
void render_array(Exposition& out, Shards shards, std::array<Counter, N> ShardMetrics::*counters,
                  std::string_view label_name, Name name_of) {
  for (std::size_t i = 0; i < N; ++i) {
    std::uint64_t sum = 0;
    for (const ShardMetrics* shard : shards) sum += (shard->*counters)[i].get();
    if (sum > 0) out.sample(label(label_name, name_of(i)), sum);
  }
}

void render_upstreams(Exposition& out, std::span<const UpstreamSeries> upstreams) {
  const auto each = [&](auto value_of) {
    for (const UpstreamSeries& upstream : upstreams)
      for (const UpstreamSeries::Address& address : upstream.addresses)
        out.sample(label("upstream", upstream.name) + "," + label("address", address.text),
                   value_of(upstream, address));
  };
  const auto sum = [&](Counter AddressMetrics::*counter) {
    each([counter](const UpstreamSeries& upstream, const UpstreamSeries::Address& address) {
      std::uint64_t total = 0;
      for (const UpstreamMetrics* shard : upstream.shards)
        total += (shard->addresses[address.slot].*counter).get();
      return total;
    });
  };
  out.family("upstream_requests_total", "counter", "Requests sent to an address of an upstream.");
  sum(&AddressMetrics::requests);
  out.family("upstream_requests_in_flight", "gauge", "Of them, those that an address is serving now.");
  sum(&AddressMetrics::in_flight);
  out.family(
      "upstream_failures_total", "counter",
      "Connections that could not be made or died before an answer, and answers that did not come in time.");
  sum(&AddressMetrics::failures);
  out.family("upstream_ejections_total", "counter", "Times a shard left an address alone because it failed.");
  sum(&AddressMetrics::ejections);
  out.family("upstream_address_ejected", "gauge", "Shards that leave an address alone now.");
  each([now = steady_milliseconds()](const UpstreamSeries& upstream, const UpstreamSeries::Address& address) {
    return shards_ejecting(upstream, address, now);
  });
  out.family("upstream_address_healthy", "gauge", "0 while an address fails its health check.");
  each([](const UpstreamSeries&, const UpstreamSeries::Address& address) {
    return std::uint64_t{address.healthy};
  });
}

void render_process(Exposition& out, const ProcessMetrics& process) {
  out.family("reloads_total", "counter", "Reloads of policy and configuration that took effect.");
  out.sample({}, process.reloads.get());
  out.family("reload_failures_total", "counter",
             "Reloads refused because of mistakes; the last good state stayed in force.");
  out.sample({}, process.reload_failures.get());
  out.family("last_reload_successful", "gauge", "1 when the files as they are now are in force.");
  out.sample({}, process.last_reload_ok ? 1 : 0);
  out.family("last_reload_timestamp_seconds", "gauge", "When policy and configuration last took effect.");
  out.sample({}, static_cast<std::uint64_t>(process.last_reload_time.load()));
  out.family("last_catalog_successful", "gauge", "1 while the store holds what the catalog file declares.");
  out.sample({}, process.last_catalog_ok ? 1 : 0);
  out.family("tls_reloads_total", "counter", "Times that changed certificates and keys took effect.");
  out.sample({}, process.tls_reloads.get());
  out.family("tls_reload_failures_total", "counter",
             "Times that changed certificates and keys were of no use; the last good ones stayed in force.");
  out.sample({}, process.tls_reload_failures.get());
  if (const std::int64_t expires = process.tls_expires; expires > 0) {
    out.family("tls_certificate_expiry_timestamp_seconds", "gauge",
               "When the first of the certificates in force expires.");
    out.sample({}, static_cast<std::uint64_t>(expires));
  }
  out.family("policy_rules", "gauge", "Rules in force.");
  out.sample({}, process.policy_rules);
  out.family("policy_rule_changes_total", "counter", "Rules that reloads have added, removed and changed.");
  out.sample("change=\"added\"", process.rules_added.get());
  out.sample("change=\"removed\"", process.rules_removed.get());
  out.sample("change=\"changed\"", process.rules_changed.get());
  out.family(
      "files_watched", "gauge",
      "1 while changes of policy, configuration and certificates are told by the system; else they are "
      "looked for every two seconds.");
  out.sample({}, process.files_watched ? 1 : 0);
  out.family("policy_missing_entities", "gauge",
             "Permissions, roles, groups and licenses that the policy names and the store does not have.");
  out.sample({}, process.policy_missing);
  out.family("store_used_bytes", "gauge", "Bytes of the store's map in use.");
  out.sample({}, process.store_used);
  out.family("store_size_bytes", "gauge", "Size of the store's map; when it is full, changes are refused.");
  out.sample({}, process.store_size);
  out.family("tokens_expiring", "gauge",
             "Tokens that end today or within so many days, in UTC; disabled ones included.");
  for (std::size_t i = 0; i < expiry_days.size(); ++i)
    out.sample(label("days", std::to_string(expiry_days[i])), process.tokens_expiring[i]);
  out.family("token_rotated_uses_total", "counter",
             "Uses of secrets that were rotated out, after their grace: somebody has an old one.");
  out.sample({}, process.rotated_secrets_used.get());
  out.family("token_canary_uses_total", "counter", "Uses of canary tokens: somebody tries what they found.");
  out.sample({}, process.canaries_used.get());
  out.family("token_usage_dropped_total", "counter",
             "Uses of tokens that were not counted, because too many different ones came at once.");
  out.sample({}, process.usage_dropped);
  out.family("token_usage_write_failures_total", "counter",
             "Times that uses of tokens could not be written down; they were not counted.");
  out.sample({}, process.usage_failures.get());
  out.family("access_log_write_errors_total", "counter", "Writes of the access log that failed.");
  out.sample({}, process.log_write_errors.get());
  out.family("spans_exported_total", "counter", "Spans that the collector took.");
  out.sample({}, process.spans_exported.get());
  out.family("spans_unsent_total", "counter", "Spans given up because the collector did not take them.");
  out.sample({}, process.spans_unsent.get());
  out.family("build_info", "gauge", "The version that runs.");
  out.sample(label("version", version()), 1);
}

}  // namespace

void DurationHistogram::add(std::chrono::microseconds duration) noexcept {
  const auto microseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  // bound(b) = 64 << b holds what is at most that.
  const auto bucket =
      static_cast<std::size_t>(std::bit_width((microseconds > 0 ? microseconds - 1 : 0) >> 6));
  buckets[std::min(bucket, bucket_count - 1)].add();
  sum_microseconds.add(microseconds);
}

std::uint64_t steady_milliseconds() noexcept {
  using namespace std::chrono;
  return static_cast<std::uint64_t>(
      duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

std::uint64_t shards_ejecting(const UpstreamSeries& upstream, const UpstreamSeries::Address& address,
                              std::uint64_t now_ms) noexcept {
  return static_cast<std::uint64_t>(
      std::count_if(upstream.shards.begin(), upstream.shards.end(), [&](const UpstreamMetrics* shard) {
        return shard->addresses[address.slot].ejected_until_ms.get() > now_ms;
      }));
}

std::string render_metrics(Shards shards, const ProcessMetrics& process,
                           std::span<const UpstreamSeries> upstreams) {
  Exposition out;
  out.family("requests_total", "counter", "Requests answered, by status; 0 when the client was gone before.");
  render_array(out, shards, &ShardMetrics::requests_by_status, "status",
               [](std::size_t i) { return std::to_string(i); });
  out.family("decisions_total", "counter", "Decisions by reason.");
  render_array(out, shards, &ShardMetrics::decisions_by_reason, "reason",
               [](std::size_t i) { return policy::to_string(static_cast<policy::Reason>(i)); });
  out.family(
      "shadow_denials_total", "counter",
      "Requests that a rule in shadow mode would have denied, by reason; decisions_total has them, too.");
  render_array(out, shards, &ShardMetrics::shadow_denials_by_reason, "reason",
               [](std::size_t i) { return policy::to_string(static_cast<policy::Reason>(i)); });
  out.family("token_lookups_total", "counter", "Look-ups of presented tokens by what was found.");
  render_array(out, shards, &ShardMetrics::lookups_by_state, "state",
               [](std::size_t i) { return store::to_string(static_cast<store::TokenState>(i)); });
  render_histogram(out, shards);
  for (const Plain& metric : plain) {
    out.family(metric.name, metric.type, metric.help);
    std::uint64_t sum = 0;
    for (const ShardMetrics* shard : shards) sum += (shard->*metric.counter).get();
    out.sample({}, sum);
  }
  render_upstreams(out, upstreams);
  render_process(out, process);
  return out.take();
}

}  // namespace postern
