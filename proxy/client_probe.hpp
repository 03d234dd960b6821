// Whether a client that has ended its side is still there. Half-closing is legal and such a client is served;
// one that has closed for good sends the same FIN, and only something sent to it tells the two apart. So
// while the upstream thinks, a client of HTTP/1.1 gets an informational answer, which it must be able to skip
// (RFC 9110 §15.2): from one that is gone comes a reset, and the upstream learns.

#pragma once

#include "proxy/stream.hpp"

namespace postern {

class ClientProbe final : private Deadline {
 public:
  explicit ClientProbe(Stream& client) noexcept : client_(client) {}

  /// From now on, until stop(): nothing else may begin to be written in between than whole heads.
  void watch() noexcept;
  void stop() noexcept;
  /// The client may have ended while somebody else read from it.
  void look() noexcept;

 private:
  static void on_client_event(Stream& client, void* self);
  void expire() noexcept override;

  Stream& client_;
  bool watching_ = false;
  bool asked_ = false;
};

}  // namespace postern
