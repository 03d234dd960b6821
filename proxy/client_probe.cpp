#include "proxy/client_probe.hpp"

#include <sys/socket.h>

namespace postern {
namespace {

constexpr std::string_view still_there = "HTTP/1.1 102 Processing\r\n\r\n";

}  // namespace

void ClientProbe::watch() noexcept {
  watching_ = true;
  client_.on_idle_event(&ClientProbe::on_client_event, this);
  look();
}

void ClientProbe::stop() noexcept {
  watching_ = false;
  disarm();
  client_.on_idle_event(nullptr, nullptr);
}

void ClientProbe::look() noexcept {
  if (!watching_ || asked_ || armed() || !client_.ended()) return;
  client_.reactor().deadlines().arm(*this, Wait::half_closed, client_.reactor().now());
}

void ClientProbe::on_client_event(Stream&, void* self) {
  static_cast<ClientProbe*>(self)->look();
}

void ClientProbe::expire() noexcept {
  if (client_.writing()) return;  // that tells us as well
  asked_ = true;
  Pieces pieces;
  pieces.add(still_there);
  const IoResult sent = client_.try_write({pieces.parts.data(), pieces.count});
  // Half of it in front of an answer would be another answer: rather none. The hang-up is seen as an event.
  if (!sent.ok() || sent.bytes < still_there.size()) ::shutdown(client_.fd(), SHUT_RDWR);
}

}  // namespace postern
