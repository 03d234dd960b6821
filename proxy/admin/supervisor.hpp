// systemd, or whoever else speaks its protocol, as our supervisor: what it is told (sd_notify(3)), the
// watchdog that it keeps, and the listening sockets that it hands us (sd_listen_fds(3)). Environment
// variables and one datagram each: no library is needed.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/result.hpp"
#include "proxy/listening_socket.hpp"
#include "proxy/shard.hpp"

namespace postern::admin {

/// Says nothing to anybody when no supervisor waits for it (NOTIFY_SOCKET). Of the control thread.
class Supervisor {
 public:
  Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  /// We serve, or a reload has ended; `status` is what `systemctl status` shows.
  void ready(std::string_view status) noexcept;
  void reloading() noexcept;
  void stopping(std::string_view status) noexcept;
  void alive() noexcept;
  /// How long we may keep silent before we are taken for hung (WatchdogSec=); zero: nobody waits.
  [[nodiscard]] std::chrono::microseconds patience() const noexcept { return patience_; }

 private:
  void tell(const std::string& state) noexcept;

  int socket_ = -1;
  std::string address_;  ///< as sun_path wants it: a leading NUL for an abstract one
  std::chrono::microseconds patience_{0};
};

/// Tells the supervisor that we are alive for as long as the control thread and every shard take
/// messages.
class Watchdog {
 public:
  Watchdog(boost::asio::io_context& io, const std::vector<std::unique_ptr<Shard>>& shards,
           Supervisor& supervisor)
      : io_(io), shards_(shards), supervisor_(supervisor), timer_(io) {}

  /// Once the shards run.
  void start();
  /// Shards end one by one from now on, and are not asked any more.
  void begin_drain() noexcept { draining_ = true; }

 private:
  void turn();
  void ask();

  boost::asio::io_context& io_;
  const std::vector<std::unique_ptr<Shard>>& shards_;
  Supervisor& supervisor_;
  boost::asio::steady_timer timer_;
  std::size_t unanswered_ = 0;
  bool draining_ = false;
};

/// Listening sockets that we were started with: LISTEN_FDS, LISTEN_FDNAMES, when LISTEN_PID is ours.
class InheritedSockets {
 public:
  /// Error: a descriptor that is no listening stream socket.
  [[nodiscard]] static Result<InheritedSockets> from_environment();
  InheritedSockets() = default;
  InheritedSockets(InheritedSockets&&) noexcept = default;
  InheritedSockets& operator=(InheritedSockets&&) noexcept = default;
  ~InheritedSockets();

  /// The one that is bound to this address, once. A name that is one of our options (`listen`, `admin`,
  /// `metrics`) restricts it to that option; any other name says nothing.
  [[nodiscard]] std::optional<ListeningSocket> take(std::string_view option, const Endpoint& endpoint);
  /// Error: a socket that none of the configured listeners took, on which clients would wait for ever.
  [[nodiscard]] Status all_taken() const;

 private:
  struct Socket {
    int descriptor;
    std::string name, address;
  };
  std::vector<Socket> sockets_;
};

}  // namespace postern::admin
