// What the control plane knows about the upstreams and tells the shards: where each answers, and whether each
// address is well.

#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/admin/health.hpp"
#include "proxy/admin/health_check.hpp"
#include "proxy/admin/upstream_names.hpp"
#include "proxy/metrics.hpp"
#include "proxy/shard.hpp"

namespace postern::admin {

class UpstreamWatch {
 public:
  using Shards = std::vector<std::unique_ptr<Shard>>;
  /// Complete lines of our own credential at the upstream of this index, as they are in force now.
  using OwnLines = std::function<std::string(std::size_t upstream)>;
  /// How the upstream of this index is verified, as it is in force now; null: in plain text.
  using TlsNow = std::function<std::shared_ptr<const TlsClient>(std::size_t upstream)>;
  /// `shards` are all there when start() is called, and outlive this.
  UpstreamWatch(boost::asio::io_context& io, const Shards& shards, OwnLines own_lines, TlsNow tls);

  /// Looks up names and begins to ask. Errors: a Unix path that is too long.
  [[nodiscard]] Status start(const std::vector<ConfiguredUpstream>& upstreams);

  [[nodiscard]] std::vector<UpstreamHealth> health() const;
  [[nodiscard]] std::span<const UpstreamSeries> series() const noexcept { return series_; }

 private:
  [[nodiscard]] std::unique_ptr<HealthChecks> checks_of(std::size_t upstream, const Upstream& settings);
  void on_found(std::size_t upstream, const std::vector<FoundAddress>& found);
  void on_health_changed(std::size_t upstream, std::size_t slot, bool healthy);

  boost::asio::io_context& io_;
  const Shards& shards_;
  OwnLines own_lines_;
  TlsNow tls_;
  // Each beside Snapshot::upstreams.
  std::vector<UpstreamSeries> series_;
  std::vector<std::unique_ptr<HealthChecks>> checks_;  // null: nobody asks
  std::vector<std::unique_ptr<UpstreamNames>> names_;
};

}  // namespace postern::admin
