// One shard's connections to one upstream. A request goes to the address with the fewest requests in flight;
// of that one's connections the last one returned is the first one lent, since it is the least likely to have
// been closed by the other side.

#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/address.hpp"
#include "proxy/metrics.hpp"
#include "proxy/stream.hpp"
#include "proxy/task.hpp"
#include "proxy/tls_client.hpp"
#include "proxy/upstream_address.hpp"

namespace postern {

enum class ConnectError : std::uint8_t { none = 0, unreachable, timed_out, no_capacity, cancelled };

/// An address as the control plane knows it.
struct UpstreamTarget {
  SocketAddress address;
  std::size_t slot = 0;        ///< of its metrics: below limits::upstream_addresses_max
  std::string host;            ///< as written: what its certificate has to be for
  std::string authority = {};  ///< as written: what a request to it has in its Host
};

class UpstreamPool {
 public:
  class Address;

  /// Sole use of an upstream connection. Give it back when its answer was read to the end and nothing is left
  /// over; otherwise discard() it, which closes the connection.
  struct Lease {
    std::unique_ptr<Stream> stream;
    Address* address = nullptr;  ///< good until the lease is returned
    bool reused = false;
    ConnectError error = ConnectError::none;  ///< when there is no stream
  };

  UpstreamPool(Reactor& reactor, ShardMetrics& metrics);
  ~UpstreamPool();

  /// Where it answers from now on. Addresses that are gone get no further request, and their idle connections
  /// close; so does one that is known by another name now, since TLS was verified for the old. An empty list:
  /// the name could not be resolved (yet).
  void set_targets(std::span<const UpstreamTarget> targets);
  /// What the health check of the address in this slot says.
  void set_healthy(std::size_t slot, bool healthy) noexcept;
  /// New connections speak TLS; null: plain ones.
  void use(std::shared_ptr<const TlsClient> tls) noexcept { tls_ = std::move(tls); }
  void set_connections_max(std::uint32_t max) noexcept { connections_max_ = max; }
  [[nodiscard]] const UpstreamMetrics& metrics() const noexcept { return upstream_metrics_; }

  /// A kept connection of the address whose turn it is; without a stream when it has none.
  [[nodiscard]] Lease lease_kept() noexcept;
  /// How somebody else ends a connect() that is under way. Lives as long as that does.
  class Attempt {
   public:
    void cancel() noexcept {
      cancelled_ = true;
      if (stream_) stream_->cancel();
    }

   private:
    friend class UpstreamPool;
    Stream* stream_ = nullptr;  // being connected
    bool cancelled_ = false;
  };
  /// A new one, to the next address when the first does not take it. At the limit the longest idle one makes
  /// room for it. Error cancelled: by `attempt`, which blames no address.
  [[nodiscard]] Task<Lease> connect(Attempt& attempt);
  void give_back(Lease lease);
  /// Counts a leased connection as closed and closes it.
  void discard(Lease lease) noexcept;

  /// UpstreamTarget::authority. Good as long as the lease.
  [[nodiscard]] static std::string_view authority(const Address& address) noexcept;
  /// An answer began on this address.
  void answered(Address& address) noexcept;
  /// It died before the first byte of an answer, or none came in time.
  void failed(Address& address) noexcept;

  void close_idle() noexcept;

 private:
  struct Kept;
  [[nodiscard]] Address* choose_address(std::span<Address* const> tried) const noexcept;
  void begin_request(Address& address) noexcept;
  void end_request(Address& address) noexcept;
  void close(std::unique_ptr<Stream> stream) noexcept;
  void drop(Kept& kept) noexcept;
  void drop_oldest() noexcept;
  void retire(std::unique_ptr<Address> address);
  static void on_idle_event(Stream& stream, void* kept);
  [[nodiscard]] Task<Lease> connect_to(const UpstreamTarget& target, Attempt& attempt);
  [[nodiscard]] Task<IoStatus> establish(Stream& stream, const UpstreamTarget& target);
  void complain(const UpstreamTarget& target, const std::string& what) noexcept;

  Reactor& reactor_;
  ShardMetrics& metrics_;
  UpstreamMetrics upstream_metrics_;
  std::shared_ptr<const TlsClient> tls_;
  Clock::time_point quiet_until_{};  // no line in the operator's log before
  std::vector<std::unique_ptr<Address>> addresses_;
  std::vector<std::unique_ptr<Address>> retired_;  // gone, but with requests in flight
  std::size_t turn_ = 0;
  std::uint32_t connections_max_ = 0;
  std::uint32_t open_ = 0;
  std::vector<std::unique_ptr<Kept>>
      spare_;  // nodes without a connection, so that giving back does not allocate
};

using Lease = UpstreamPool::Lease;

}  // namespace postern
