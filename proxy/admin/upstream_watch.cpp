#include "proxy/admin/upstream_watch.hpp"

#include <algorithm>

namespace postern::admin {

UpstreamWatch::UpstreamWatch(boost::asio::io_context& io, const Shards& shards, OwnLines own_lines,
                             TlsNow tls)
    : io_(io), shards_(shards), own_lines_(std::move(own_lines)), tls_(std::move(tls)) {}

Status UpstreamWatch::start(const std::vector<ConfiguredUpstream>& upstreams) {
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    const Upstream& settings = upstreams[i].settings;
    checks_.push_back(checks_of(i, settings));
    names_.push_back(std::make_unique<UpstreamNames>(
        io_, settings, [this, i](const std::vector<FoundAddress>& found) { on_found(i, found); }));
    UpstreamSeries& series = series_.emplace_back();
    series.name = settings.name;
    for (const auto& shard : shards_) series.shards.push_back(&shard->upstream_metrics(i));
    POSTERN_TRY_STATUS(names_.back()->start());
  }
  return {};
}

std::unique_ptr<HealthChecks> UpstreamWatch::checks_of(std::size_t upstream, const Upstream& settings) {
  if (settings.health.path.empty()) return nullptr;
  return std::make_unique<HealthChecks>(
      io_, settings, [this, upstream] { return own_lines_(upstream); },
      [this, upstream] { return tls_(upstream); },
      [this, upstream](std::size_t slot, bool healthy) { on_health_changed(upstream, slot, healthy); });
}

void UpstreamWatch::on_found(std::size_t upstream, const std::vector<FoundAddress>& found) {
  std::vector<UpstreamTarget> targets;
  for (const FoundAddress& one : found) targets.push_back({one.address, one.slot, one.host, one.authority});
  for (const auto& shard : shards_) shard->set_upstream_targets(upstream, targets);

  std::vector<UpstreamSeries::Address> known = std::move(series_[upstream].addresses);
  series_[upstream].addresses.clear();
  for (const FoundAddress& one : found) {
    const auto before = std::find_if(known.begin(), known.end(), [&](const UpstreamSeries::Address& old) {
      return old.text == one.text && old.slot == one.slot && old.host == one.host;
    });
    series_[upstream].addresses.push_back(
        {one.text, one.slot, before == known.end() || before->healthy, one.host});
  }
  if (checks_[upstream]) checks_[upstream]->watch(found);
}

void UpstreamWatch::on_health_changed(std::size_t upstream, std::size_t slot, bool healthy) {
  for (const auto& shard : shards_) shard->set_upstream_healthy(upstream, slot, healthy);
  for (UpstreamSeries::Address& address : series_[upstream].addresses)
    if (address.slot == slot) address.healthy = healthy;
}

std::vector<UpstreamHealth> UpstreamWatch::health() const {
  const std::uint64_t now = steady_milliseconds();
  std::vector<UpstreamHealth> all;
  for (const UpstreamSeries& series : series_) {
    UpstreamHealth& upstream = all.emplace_back();
    upstream.name = series.name;
    upstream.known = !series.addresses.empty();
    for (const UpstreamSeries::Address& address : series.addresses) {
      const bool ejected = shards_ejecting(series, address, now) > 0;
      upstream.addresses.push_back({address.text, !address.healthy ? "unhealthy"
                                                  : ejected        ? "ejected"
                                                                   : "usable"});
    }
  }
  return all;
}

}  // namespace postern::admin
