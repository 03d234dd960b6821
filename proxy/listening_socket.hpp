// Sockets to accept on, made before anything runs, so that a port in use is a start error with a sentence.

#pragma once

#include <string>
#include <vector>

#include "conf/config.hpp"
#include "conf/result.hpp"

namespace postern {

/// A bound, listening, non-blocking socket. Owns its descriptor, and the path of a Unix socket, which it
/// removes.
class ListeningSocket {
 public:
  /// A name is resolved; the first of its addresses counts. The file of a Unix socket that nobody listens on
  /// any more is replaced.
  [[nodiscard]] static Result<ListeningSocket> open(const Endpoint& endpoint);
  /// A socket for messages (SOCK_SEQPACKET) at a path, to which only our own user may connect.
  [[nodiscard]] static Result<ListeningSocket> open_private(const Endpoint& endpoint);
  /// One that another process has made with open(endpoint). The path of a Unix socket stays that process's
  /// until claim_path().
  [[nodiscard]] static ListeningSocket adopt(int descriptor, const Endpoint& endpoint);
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// A further descriptor of the same socket, for a shard. Negative when there are none left.
  [[nodiscard]] int duplicate() const noexcept;
  /// "127.0.0.1:8080" with the port the system gave, or "unix:/run/postern.sock".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::string url(bool tls = false) const;
  /// As it was asked for, with port 0 when that was asked for.
  [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }
  /// The path of a Unix socket belongs to another process now: it is not removed at the end.
  void leave_path() noexcept { owns_path_ = false; }
  /// It belongs to us, and goes when we end.
  void claim_path() noexcept { owns_path_ = endpoint_.is_unix(); }

 private:
  ListeningSocket(int fd, const Endpoint& endpoint) : fd_(fd), endpoint_(endpoint) {}
  [[nodiscard]] static Result<ListeningSocket> open(const Endpoint& endpoint, int type, bool is_private);
  void learn_name();

  int fd_;
  Endpoint endpoint_;
  std::string name_;
  bool owns_path_ = false;
};

}  // namespace postern
