// Turns the names of an upstream into addresses, again and again, without a shard ever waiting for a name
// server.

#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "conf/limits.hpp"
#include "proxy/address.hpp"

namespace postern::admin {

/// One of an upstream's addresses, and the name it was found under.
struct FoundAddress {
  SocketAddress address;
  std::string text;       ///< "127.0.0.1:8080"
  std::size_t slot = 0;   ///< its own as long as it is among those found
  std::string host;       ///< as written, without the port
  std::string authority;  ///< as written: what a request to it has in its Host
};

class UpstreamNames {
 public:
  using Found = std::function<void(const std::vector<FoundAddress>&)>;
  /// `found` is called with what is known first and whenever it changes, never with nothing; a failed look-up
  /// leaves the last answer in force. At most limits::upstream_addresses_max, each once.
  UpstreamNames(boost::asio::io_context& io, const Upstream& upstream, Found found);
  /// Errors: a Unix path that is too long.
  [[nodiscard]] Status start();

 private:
  /// One address as it was written.
  struct Place {
    Place(boost::asio::io_context& io, const UpstreamAddress& as_written)
        : written(as_written), resolver(io), again(io) {}
    const UpstreamAddress& written;
    boost::asio::ip::tcp::resolver resolver;
    boost::asio::steady_timer again;
    std::vector<SocketAddress> found;
    bool failing = false;
  };
  void resolve(Place& place);
  void take(Place& place, const boost::asio::ip::tcp::resolver::results_type& results);
  void tell();
  void give_slots(std::vector<FoundAddress>& all);

  const Upstream upstream_;
  Found found_;
  std::vector<std::unique_ptr<Place>> places_;
  std::vector<std::string> told_;                                  ///< identities, sorted
  std::array<std::string, limits::upstream_addresses_max> slots_;  ///< the identity of each
  bool too_many_ = false;
};

}  // namespace postern::admin
