// A whole data plane on a stage: one real shard with store, policy and pool, real sockets to both sides, and
// in the hands of the play the clock, the order of events and every byte. One thread, so that a play can be
// given again.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/epoll.h>

#include "proxy/shard.hpp"
#include "store/store.hpp"
#include "tests/conf/temporary_directory.hpp"

namespace postern::test {

/// One end of a connection to the shard, without blocking. Closed at its end.
class Connection {
 public:
  Connection() = default;
  explicit Connection(int descriptor) noexcept : descriptor_(descriptor) {}
  Connection(Connection&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Connection& operator=(Connection&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Connection() { close(); }
  [[nodiscard]] bool open() const noexcept { return descriptor_ >= 0; }
  void close() noexcept;
  void end() noexcept;  ///< says FIN
  /// Sends what fits; the number of bytes. The shard may have closed: then nothing goes any more, and
  /// broken() is true.
  std::size_t say(std::string_view bytes) noexcept;
  /// Appends what has come, at most `max` bytes, to `to`; the number of bytes.
  std::size_t hear(std::string& to, std::size_t max);
  [[nodiscard]] bool ended() const noexcept { return ended_; }  ///< the shard has said FIN, or reset
  [[nodiscard]] bool broken() const noexcept {
    return broken_;
  }  ///< it has reset, or closed without reading all

 private:
  int descriptor_ = -1;
  bool ended_ = false;
  bool broken_ = false;
};

/// The rules of the play: `/open/**` for everybody, `/private/**` for a valid token, both with trailers
/// dropped.
class Stage {
 public:
  Stage();
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// A client connects. Its first bytes may be sent at once.
  [[nodiscard]] Connection connect();
  /// A connection that the shard has made to the upstream, or a line that is not open.
  [[nodiscard]] Connection accept();
  /// Whether anybody answers there. While nobody does, connecting is refused.
  void listen(bool answers);

  using Arrange = std::function<void(std::span<epoll_event>)>;
  /// One round of the loop.
  void step(const Arrange& arrange = [](std::span<epoll_event>) {});
  /// Time passes; what is due expires with the next step.
  void pass(std::chrono::milliseconds time) { now_ += time; }
  [[nodiscard]] Clock::time_point now() const noexcept { return now_; }

  [[nodiscard]] const ShardMetrics& metrics() const noexcept { return shard_->metrics(); }
  [[nodiscard]] Shard& shard() noexcept { return *shard_; }
  [[nodiscard]] const std::string& token() const noexcept { return token_; }

 private:
  TemporaryDirectory directory_;
  std::string upstream_path_;
  std::string token_;
  std::unique_ptr<store::Store> store_;
  ShardShared shared_;
  std::unique_ptr<Shard> shard_;
  int listener_ = -1;
  Clock::time_point now_;
};

}  // namespace postern::test
