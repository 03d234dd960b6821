// One shard's connections to the upstream: the last one returned is the first one lent, since it is the least
// likely to have been closed by the other side.

#pragma once

#include <list>
#include <memory>
#include <vector>

#include "conf/config.hpp"
#include "proxy/address.hpp"
#include "proxy/metrics.hpp"
#include "proxy/stream.hpp"
#include "proxy/task.hpp"

namespace postern {

enum class ConnectError : std::uint8_t { none = 0, unreachable, timed_out, no_capacity };

/// Sole use of an upstream connection. Give it back when its answer was read to the end and nothing is left
/// over; otherwise discard() it, which closes the connection.
struct Lease {
  std::unique_ptr<Stream> stream;
  bool reused = false;
  ConnectError error = ConnectError::none;  ///< when there is no stream
};

class UpstreamPool {
 public:
  UpstreamPool(Reactor& reactor, ShardMetrics& metrics);
  ~UpstreamPool();

  /// Where to connect: tried in order. An empty list: the name could not be resolved (yet).
  void set_addresses(std::vector<SocketAddress> addresses) { addresses_ = std::move(addresses); }
  void set_connections_max(std::uint32_t max) noexcept { connections_max_ = max; }

  /// The connection given back last; without a stream when none is kept.
  [[nodiscard]] Lease lease_kept() noexcept;
  /// A new one. At the limit the longest idle one makes room for it.
  [[nodiscard]] Task<Lease> connect();
  void give_back(std::unique_ptr<Stream> stream);
  /// Counts a leased connection as closed and closes it.
  void discard(std::unique_ptr<Stream> stream) noexcept;

  void close_idle() noexcept;

 private:
  /// A kept connection with its own deadline.
  struct Kept final : Deadline {
    UpstreamPool* pool = nullptr;
    std::unique_ptr<Stream> stream;
    void expire() noexcept override { pool->drop(*this); }
  };
  void drop(Kept& kept) noexcept;
  static void on_idle_event(Stream& stream, void* kept);
  [[nodiscard]] Task<Lease> connect_to(SocketAddress address);

  Reactor& reactor_;
  ShardMetrics& metrics_;
  std::vector<SocketAddress> addresses_;
  std::uint32_t connections_max_ = 0;
  std::uint32_t open_ = 0;
  std::vector<std::unique_ptr<Kept>> idle_;  // the last is the most recent
  std::vector<std::unique_ptr<Kept>>
      spare_;  // nodes without a connection, so that giving back does not allocate
};

}  // namespace postern
