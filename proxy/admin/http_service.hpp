// A small HTTP service of the control plane: health and metrics. Requests are read by the house's one strict
// reader; there are few of them, so Asio's coroutines and ordinary strings do.

#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/listening_socket.hpp"

namespace postern::admin {

struct Response {
  int status = 404;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// GET of a path (HEAD is served from it). Called on the io_context's thread.
using Handler = std::function<Response(std::string_view path)>;

class HttpService {
 public:
  HttpService(boost::asio::io_context& io, ListeningSocket socket, Handler handler);
  ~HttpService();
  /// Accepts until the io_context ends.
  void start();
  /// The socket belongs to another process now: accepts no more, connections under way go on.
  void leave();
  /// The socket was another process's and is ours now.
  void claim_path() noexcept;
  [[nodiscard]] const ListeningSocket& socket() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace postern::admin
