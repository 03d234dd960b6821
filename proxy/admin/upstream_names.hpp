// Turns the upstream's name into addresses, again and again, without a shard ever waiting for a name server.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <vector>

#include "conf/config.hpp"
#include "proxy/address.hpp"

namespace postern::admin {

class UpstreamNames {
 public:
  using Found = std::function<void(const std::vector<SocketAddress>&)>;
  /// `found` is called with the first answer and whenever it changes; a failed look-up leaves the last one in
  /// force.
  UpstreamNames(boost::asio::io_context& io, Endpoint upstream, Found found);
  /// Errors: a Unix path that is too long.
  [[nodiscard]] Status start();
  void stop();

 private:
  void resolve();
  void take(const boost::asio::ip::tcp::resolver::results_type& results);

  Endpoint upstream_;
  Found found_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer again_;
  std::vector<std::string> known_;
  bool failing_ = false;
};

}  // namespace postern::admin
