#include "proxy/listener.hpp"

#include <cerrno>
#include <sys/socket.h>

#include "proxy/shard.hpp"

namespace postern {
namespace {

constexpr int accepts_per_event = 16;  // then other connections get their turn
constexpr int accepts_at_end = 4096;   // as many as the queue of a listening socket holds

}  // namespace

// Level-triggered, so that what is left waits for the next round.
bool Listener::open() noexcept {
  return watch(EPOLLIN | EPOLLEXCLUSIVE);
}

void Listener::on_event(std::uint32_t) noexcept {
  for (int i = 0; i < accepts_per_event; ++i)
    if (!accept_one()) return;
}

void Listener::accept_waiting() noexcept {
  for (int i = 0; i < accepts_at_end; ++i)
    if (!accept_one()) return;
}

/// False when there is nothing (more) to accept now.
bool Listener::accept_one() noexcept {
  SocketAddress address;
  address.size = sizeof address.storage;
  const int client = ::accept4(fd(), address.get(), &address.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client >= 0) {
    shard_.begin_session(client, address, role_);
    return true;
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) pause();
  return errno == ECONNABORTED || errno == EINTR;
}

void Listener::pause() noexcept {
  shard_.counters().accept_pauses.add();
  unwatch();
  reactor().deadlines().arm(*this, Wait::pause, reactor().now());
}

void Listener::expire() noexcept {
  if (!open()) reactor().deadlines().arm(*this, Wait::pause, reactor().now());
}

}  // namespace postern
