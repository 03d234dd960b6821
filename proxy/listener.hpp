// A listening socket in one shard's loop. All shards wait on the same socket; the kernel wakes one of them
// per connection.

#pragma once

#include "proxy/reactor.hpp"
#include "proxy/session.hpp"

namespace postern {

class Shard;

class Listener final : public Descriptor, private Deadline {
 public:
  Listener(Shard& shard, Reactor& reactor, int fd, ListenerRole role) noexcept
      : Descriptor(reactor, fd), shard_(shard), role_(role) {}
  /// Other descriptors of the same socket stay open, so closing ours would not end its events.
  ~Listener() override { unwatch(); }
  [[nodiscard]] bool open() noexcept;
  void on_event(std::uint32_t events) noexcept override;
  /// Takes what waits in the queue, since closing the socket would reset it.
  void accept_waiting() noexcept;

 private:
  void expire() noexcept override;  ///< the pause is over
  [[nodiscard]] bool accept_one() noexcept;
  void pause() noexcept;
  Shard& shard_;
  const ListenerRole role_;
};

}  // namespace postern
