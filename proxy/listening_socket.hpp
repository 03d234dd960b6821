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
  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&&) = delete;
  ~ListeningSocket();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// A further descriptor of the same socket, for a shard. Negative when there are none left.
  [[nodiscard]] int duplicate() const noexcept;
  /// "127.0.0.1:8080" with the port the system gave, or "unix:/run/postern.sock".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::string url() const;

 private:
  ListeningSocket(int fd, std::string name, std::string path)
      : fd_(fd), name_(std::move(name)), path_(std::move(path)) {}
  int fd_;
  std::string name_;
  std::string path_;
};

}  // namespace postern
