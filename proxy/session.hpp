// One client connection from accept to close: read a head, rule on it, relay or refuse, account, and again.

#pragma once

#include <memory>
#include <optional>

#include "proxy/client_counts.hpp"
#include "proxy/exchange.hpp"
#include "proxy/gate.hpp"
#include "proxy/relay.hpp"
#include "proxy/stream.hpp"
#include "proxy/task.hpp"

namespace postern {

class Shard;

/// What is spoken on a listener before the first request.
struct ListenerRole {
  bool tls = false;
  bool proxy_protocol = false;
  Decide decide = Decide::none;
};

class Session {
 public:
  Session(Shard& shard, std::unique_ptr<Stream> client, Peer peer, ListenerRole role);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Serves the connection until it ends. The session must outlive the task.
  [[nodiscard]] Task<void> run();

  /// Ends a connection between two requests; a busy one ends after its answer, since the shard drains.
  void end_if_idle() noexcept;
  /// Ends every wait, so that the session ends soon.
  void abort() noexcept;
  /// What is being relayed, or null.
  [[nodiscard]] Relay* relay() noexcept { return relay_; }

  // Links of the shard's list of sessions.
  Session* next = nullptr;
  Session* previous = nullptr;

 private:
  /// What a connection may do after an exchange.
  enum class After : std::uint8_t {
    reset = 0,  ///< break it: what was sent is not complete
    drop,       ///< close without a word: there is nothing that could be taken for more than it is
    close,      ///< a clean end
    linger,     ///< close, but first read what the client still sends, so that it sees our answer
    keep,
  };

  // session_opening.cpp
  [[nodiscard]] Task<bool> open_connection();
  [[nodiscard]] Task<bool> hear_of_client();
  [[nodiscard]] Task<bool> shake_hands();

  // session_decision.cpp
  [[nodiscard]] Task<After> decide();
  [[nodiscard]] Task<After> let_pass(bool request_consumed);

  [[nodiscard]] Task<bool> next_request_begins();
  [[nodiscard]] Task<HeadStatus> read_head();
  [[nodiscard]] Task<After> serve();
  [[nodiscard]] Task<After> rule_and_relay();
  /// Counts the connection among those of its client. False when there are too many.
  [[nodiscard]] bool take_place() noexcept;
  [[nodiscard]] Task<After> refuse_for_load();
  [[nodiscard]] Task<After> answer(Answer answer, bool request_consumed);
  [[nodiscard]] Task<void> linger();
  void name_request() noexcept;
  /// Its certificate, without which nobody is to be served here, has expired.
  [[nodiscard]] bool outlived_certificate() const noexcept;
  [[nodiscard]] bool closes_after_this() const noexcept;
  [[nodiscard]] bool skip_buffered_body() noexcept;

  Shard& shard_;
  std::unique_ptr<Stream> client_;
  Peer peer_;
  const ListenerRole role_;
  std::optional<ClientPlace> place_;
  LentExchange exchange_;
  Relay* relay_ = nullptr;  ///< while one runs
  std::uint32_t requests_ = 0;
  bool idle_ = true;                   ///< between requests
  std::optional<bool> asked_by_head_;  ///< a question for a decision came by HEAD, whatever it is about
};

}  // namespace postern
