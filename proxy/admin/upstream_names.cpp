#include "proxy/admin/upstream_names.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "conf/limits.hpp"
#include "proxy/operator_log.hpp"

namespace postern::admin {
namespace {

constexpr std::chrono::milliseconds retry{1000};  // after a failed look-up

/// What makes an address another one: where it is, the name that its certificate is verified for, and how
/// its requests call it.
std::string identity(const FoundAddress& address) {
  return address.text + '\0' + address.host + '\0' + address.authority;
}

}  // namespace

UpstreamNames::UpstreamNames(boost::asio::io_context& io, const Upstream& upstream, Found found)
    : upstream_(upstream), found_(std::move(found)) {
  for (const UpstreamAddress& address : upstream_.addresses)
    places_.push_back(std::make_unique<Place>(io, address));
}

Status UpstreamNames::start() {
  for (const auto& place : places_) {
    POSTERN_TRY(const auto literal, literal_address(place->written.endpoint));
    if (literal)
      place->found = {*literal};
    else
      resolve(*place);
  }
  tell();
  return {};
}

void UpstreamNames::resolve(Place& place) {
  const Endpoint& endpoint = place.written.endpoint;
  place.resolver.async_resolve(
      endpoint.host, std::to_string(endpoint.port),
      [this, &place](const boost::system::error_code& error,
                     const boost::asio::ip::tcp::resolver::results_type& results) {
        if (error == boost::asio::error::operation_aborted) return;
        if (!error) take(place, results);
        if (error && !place.failing)
          operator_log(LogLevel::warning, "upstream " + upstream_.name + ": " +
                                              place.written.endpoint.to_string() + ": " + error.message());
        place.failing = static_cast<bool>(error);
        place.again.expires_after(error ? std::min(retry, upstream_.resolve) : upstream_.resolve);
        place.again.async_wait([this, &place](const boost::system::error_code& cancelled) {
          if (!cancelled) resolve(place);
        });
      });
}

void UpstreamNames::take(Place& place, const boost::asio::ip::tcp::resolver::results_type& results) {
  std::vector<SocketAddress> found;
  for (const auto& result : results) {
    const auto endpoint = result.endpoint();
    SocketAddress address;
    std::memcpy(&address.storage, endpoint.data(), endpoint.size());
    address.size = static_cast<socklen_t>(endpoint.size());
    found.push_back(address);
  }
  if (found.empty()) return;
  place.found = std::move(found);
  tell();
}

void UpstreamNames::tell() {
  std::vector<FoundAddress> all;
  std::vector<std::string> texts, identities;
  bool too_many = false;
  for (const auto& place : places_) {
    for (const SocketAddress& address : place->found) {
      std::string text = to_string(address);
      if (std::find(texts.begin(), texts.end(), text) != texts.end()) continue;
      too_many = too_many || all.size() == limits::upstream_addresses_max;
      if (too_many) continue;
      texts.push_back(text);
      all.push_back({address, std::move(text), 0, place->written.endpoint.host, place->written.authority});
      identities.push_back(identity(all.back()));
    }
  }
  if (too_many && !too_many_)
    operator_log(LogLevel::warning, "upstream " + upstream_.name + " has more than " +
                                        std::to_string(limits::upstream_addresses_max) +
                                        " addresses; the others are not used");
  too_many_ = too_many;
  // A name server rotates its answers; only a different set is news.
  std::sort(identities.begin(), identities.end());
  if (all.empty() || identities == told_) return;
  told_ = std::move(identities);
  give_slots(all);
  found_(all);
}

void UpstreamNames::give_slots(std::vector<FoundAddress>& all) {
  const auto is_here = [this](const std::string& address) {
    return std::binary_search(told_.begin(), told_.end(), address);
  };
  for (std::string& slot : slots_)
    if (!is_here(slot)) slot.clear();
  for (FoundAddress& one : all) {
    auto slot = std::find(slots_.begin(), slots_.end(), identity(one));
    if (slot == slots_.end()) slot = std::find(slots_.begin(), slots_.end(), std::string());
    *slot = identity(one);
    one.slot = static_cast<std::size_t>(slot - slots_.begin());
  }
}

}  // namespace postern::admin
