#include "proxy/admin/upstream_names.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "proxy/operator_log.hpp"

namespace postern::admin {
namespace {

constexpr std::chrono::seconds refresh{10};  // a moved service is found within this
constexpr std::chrono::seconds retry{1};     // after a failed look-up

}  // namespace

UpstreamNames::UpstreamNames(boost::asio::io_context& io, Endpoint upstream, Found found)
    : upstream_(std::move(upstream)), found_(std::move(found)), resolver_(io), again_(io) {}

Status UpstreamNames::start() {
  POSTERN_TRY(const auto literal, literal_address(upstream_));
  if (literal)
    found_({*literal});
  else
    resolve();
  return {};
}

void UpstreamNames::stop() {
  resolver_.cancel();
  again_.cancel();
}

void UpstreamNames::resolve() {
  resolver_.async_resolve(upstream_.host, std::to_string(upstream_.port),
                          [this](const boost::system::error_code& error,
                                 const boost::asio::ip::tcp::resolver::results_type& results) {
                            if (error == boost::asio::error::operation_aborted) return;
                            if (!error) take(results);
                            if (error && !failing_)
                              operator_log(LogLevel::warning,
                                           "upstream " + upstream_.to_string() + ": " + error.message());
                            failing_ = static_cast<bool>(error);
                            again_.expires_after(error ? retry : refresh);
                            again_.async_wait([this](const boost::system::error_code& cancelled) {
                              if (!cancelled) resolve();
                            });
                          });
}

void UpstreamNames::take(const boost::asio::ip::tcp::resolver::results_type& results) {
  std::vector<SocketAddress> addresses;
  std::vector<std::string> names;
  for (const auto& result : results) {
    const auto endpoint = result.endpoint();
    SocketAddress address;
    std::memcpy(&address.storage, endpoint.data(), endpoint.size());
    address.size = static_cast<socklen_t>(endpoint.size());
    addresses.push_back(address);
    names.push_back(to_string(address));
  }
  // A name server rotates its answers; only a different set is news.
  std::sort(names.begin(), names.end());
  if (addresses.empty() || names == known_) return;
  known_ = std::move(names);
  found_(addresses);
}

}  // namespace postern::admin
