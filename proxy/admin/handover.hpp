// An upgrade in place. A new process takes the listening sockets over from the one that serves, by
// descriptor: the sockets stay open throughout, so that no connection waiting in their queues is reset. The
// two talk over a Unix socket of the user they run as:
//
//   serving process                          new process
//                       <- connects          (policy, store and files are in order)
//   names and sockets   ->
//                       <- "serving"         (it accepts, too)
//   "relieved"          ->                   (the old one accepts no more, drains and ends)
//
// Whoever dies in between leaves the other one serving.

#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/result.hpp"
#include "proxy/listening_socket.hpp"

namespace postern::admin {

/// What a socket is called between two processes: "listen 127.0.0.1:8080", with the endpoint as configured.
[[nodiscard]] std::string handover_name(std::string_view option, const Endpoint& endpoint);

/// The process that serves now, as the one sees it that takes over.
class Predecessor {
 public:
  /// Asks whoever answers at `path` for its sockets; when nobody does, there is no predecessor. Errors: it
  /// runs as another user, or what it says is not understood.
  [[nodiscard]] static Result<Predecessor> ask(const std::string& path);
  Predecessor() = default;
  Predecessor(Predecessor&& other) noexcept;
  Predecessor& operator=(Predecessor&& other) noexcept;
  ~Predecessor();

  [[nodiscard]] bool found() const noexcept { return connection_ >= 0; }
  /// Its socket of this name, once; nothing when it has none (any more).
  [[nodiscard]] std::optional<ListeningSocket> take(std::string_view option, const Endpoint& endpoint);
  /// Tells it that we accept, and waits a few seconds for its word that it does not any more.
  [[nodiscard]] Status relieve();

 private:
  struct Offered {
    std::string name;
    int descriptor;
  };
  int connection_ = -1;
  std::vector<Offered> offered_;
};

/// The other side: waits for a successor on the control thread.
class HandoverService {
 public:
  struct Offer {
    std::string name;  ///< of handover_name()
    int descriptor;    ///< borrowed
  };
  /// `offers` is asked for the sockets when somebody comes; `relieved` is called once, when a successor
  /// accepts on them. Both on the io_context's thread.
  HandoverService(boost::asio::io_context& io, std::function<std::vector<Offer>()> offers,
                  std::function<void()> relieved);
  ~HandoverService();

  /// Replaces the file of a process that is gone. Error: somebody answers there, or the path is no place for
  /// a socket.
  [[nodiscard]] Status listen(const std::string& path);
  /// Nobody can take over any more.
  void stop() noexcept;
  /// A new process has the sockets, and has not said yet that it serves.
  [[nodiscard]] bool handing_over() const noexcept { return handing_over_; }

 private:
  [[nodiscard]] boost::asio::awaitable<void> accept_all();
  [[nodiscard]] boost::asio::awaitable<bool> hand_over(int connection);

  boost::asio::io_context& io_;
  std::function<std::vector<Offer>()> offers_;
  std::function<void()> relieved_;
  std::optional<ListeningSocket> socket_;
  bool handing_over_ = false;
  boost::asio::posix::stream_descriptor acceptor_;
};

}  // namespace postern::admin
