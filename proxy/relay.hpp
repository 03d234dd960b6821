// One exchange with the upstream: lease, send, read the answer, relay both bodies with back-pressure. One
// buffer a direction; never a whole body in memory.

#pragma once

#include <memory>
#include <optional>

#include "proxy/answer.hpp"
#include "proxy/body_reader.hpp"
#include "proxy/client_probe.hpp"
#include "proxy/exchange.hpp"
#include "proxy/gate.hpp"
#include "proxy/head_writer.hpp"
#include "proxy/pace.hpp"
#include "proxy/stream.hpp"
#include "proxy/task.hpp"
#include "proxy/upstream_pool.hpp"

namespace postern {

class Shard;

/// How an exchange ended.
struct RelayResult {
  enum class End : std::uint8_t {
    failed = 0,     ///< the answer broke off half-way, or the client is gone: the connection must be reset
    refused,        ///< nothing was sent to the client yet: answer with `answer`
    done,           ///< a complete answer was sent
    tunnel_closed,  ///< an upgraded connection has ended
  } end = End::failed;
  Answer answer;                  ///< with refused
  bool request_consumed = false;  ///< the request was read to its end, so that the next one can follow
  bool close_announced = false;   ///< the answer said, or its framing means, that the connection closes
};

class Relay {
 public:
  /// What of the session a relay needs to know.
  struct Conditions {
    bool trusted_peer = false;
    bool closing = false;  ///< the client's connection will close after this answer whatever happens
  };
  Relay(Shard& shard, Exchange& exchange, Stream& client, const Peer& peer, Conditions conditions) noexcept;

  /// Runs once. The relay must outlive the task.
  [[nodiscard]] Task<RelayResult> run();
  /// Ends all waits; run() returns soon.
  void abort() noexcept;
  /// The time between looks at the token has changed: first off the list with every relay, then on again, so
  /// that no one walks past those that are still to move.
  void pause_rechecks() noexcept { recheck_.disarm(); }
  void begin_rechecks() noexcept;

 private:
  /// Where the upload of a request body stands.
  enum class Upload : std::uint8_t {
    none = 0,  ///< there is no body, or it went out with the head
    awaited,   ///< the client waits for our 100
    running,
    complete,
    client_gone,
    client_timed_out,
    client_too_slow,
    malformed,
    too_large,
    upstream_broken,
    upstream_timed_out,
    stopped,
  };
  enum class HeadEnd : std::uint8_t { malformed = 0, complete, closed, timed_out, cancelled };

  // relay.cpp: the exchange as a whole
  [[nodiscard]] Task<RelayResult> relay();
  [[nodiscard]] Lease lease_kept() noexcept;
  [[nodiscard]] Answer answer_of(HeadEnd end) const noexcept;
  /// The upload ended in a way that has an answer of its own, whatever the upstream says.
  [[nodiscard]] bool upload_failed() const noexcept;
  [[nodiscard]] RelayResult refused(const Answer& answer) const noexcept;
  /// Tells the pool what the address was worth.
  void judge_address(HeadEnd end) noexcept;
  [[nodiscard]] bool may_retry(HeadEnd end) const noexcept;
  void release_upstream(bool reusable);

  /// How long this exchange may wait, as its rule has it.
  [[nodiscard]] Patience body_patience() const noexcept { return {Wait::body, x_.timeouts.body}; }
  [[nodiscard]] Patience idle_patience() const noexcept { return {Wait::idle, x_.timeouts.idle}; }

  // relay_request.cpp
  /// Not to be held across a wait: a reload replaces it.
  [[nodiscard]] const ConfiguredUpstream& upstream() const noexcept;
  /// `authority`: of the address that it goes to.
  [[nodiscard]] RewriteError write_head(std::string_view authority) noexcept;
  [[nodiscard]] static Answer answer_of(RewriteError error) noexcept;
  /// The head, and with it a small body that came with its own; a larger one is streamed after it.
  [[nodiscard]] Pieces request_pieces() const noexcept;
  [[nodiscard]] bool body_is_here() const noexcept;
  /// What came of sending them. False when it broke off.
  [[nodiscard]] bool note_sent(const IoResult& result) noexcept;
  void begin_upload() noexcept;
  [[nodiscard]] Task<void> upload();
  [[nodiscard]] Task<Upload> upload_body();
  /// Of an upload that was started: most requests have none, and pay for no frame.
  [[nodiscard]] Task<void> end_upload();
  [[nodiscard]] Task<bool> send_continue();
  [[nodiscard]] bool request_consumed() const noexcept {
    return upload_ == Upload::complete || (upload_ == Upload::none && request_body_.finished());
  }

  // relay_response.cpp
  [[nodiscard]] Task<HeadEnd> read_head(Patience wait);
  [[nodiscard]] Task<HeadEnd> read_final_head();
  [[nodiscard]] Task<bool> pass_early_hints();
  [[nodiscard]] Task<RelayResult> relay_response();

  // tunnel.cpp
  [[nodiscard]] Task<RelayResult> tunnel();
  struct Direction {
    Stream& from;
    Stream& to;
    std::span<char> buffer;
    std::string_view first;  ///< already read
  };
  [[nodiscard]] Task<void> pump(Direction direction, std::uint64_t& bytes);

  // revocation.cpp
  /// The next look at what the exchange rests on. Linked while the relay runs.
  struct Recheck final : Deadline {
    explicit Recheck(Relay& owner) noexcept : relay(owner) {}
    void expire() noexcept override { relay.look_again(); }
    Relay& relay;
  };
  void look_again() noexcept;
  /// Stopped before anything was told to the client: by us, with an answer, or because nobody is there.
  [[nodiscard]] RelayResult stopped() const noexcept;

  Shard& shard_;
  Exchange& x_;
  Stream& client_;
  const Peer& peer_;
  const Conditions conditions_;

  ClientProbe probe_;
  std::unique_ptr<Stream> upstream_;
  UpstreamPool::Attempt attempt_;             ///< at a connection, while there is none yet
  UpstreamPool::Address* address_ = nullptr;  ///< that it leads to
  bool reused_ = false;
  bool poisoned_ = false;        ///< the upstream connection must not be kept
  bool stopping_ = false;        ///< no new waits in children
  bool broken_off_ = false;      ///< an informational head may have reached the client in part
  bool wants_trailers_ = false;  ///< the client can take them and the rule lets them pass
  std::size_t request_head_size_ = 0;
  std::size_t bytes_sent_up_ = 0;  ///< on this connection
  BodyReader request_body_;
  Upload upload_ = Upload::none;
  Pace upload_pace_;
  Recheck recheck_{*this};
  std::optional<Answer> revoked_;  ///< what the client is told, if it was told nothing yet
  Task<void> upload_task_;
  Clock::time_point last_activity_;  ///< of a tunnel
};

}  // namespace postern
