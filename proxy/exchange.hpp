// The memory of one exchange: heads, buffers and facts, lent while a request is served and given back with
// its answer, so that an idle connection costs only its small frame.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "policy/decide.hpp"
#include "policy/target.hpp"
#include "proxy/bounded_text.hpp"
#include "proxy/credential.hpp"
#include "proxy/deadline.hpp"
#include "proxy/head_reader.hpp"
#include "proxy/reactor.hpp"
#include "proxy/trace.hpp"
#include "proxy/trailers.hpp"
#include "store/reader.hpp"

namespace postern {

/// What the access log and the metrics tell of a request. Copies, since policy and store may have moved on by
/// the time they are told.
struct Facts {
  RequestId request_id;
  TraceParent traceparent;
  SpanId parent_span;            ///< the client's, when this request is a span of its trace
  bool spanned = false;          ///< to be told to the collector of spans
  bool trace_continued = false;  ///< the client's traceparent was good
  BoundedText<limits::method_bytes_max> method;
  BoundedText<256> host;
  BoundedText<46> client;  ///< address, after trusted proxies
  BoundedText<128> rule;
  BoundedText<160>
      unmet;  ///< what the rule demands and the request lacks: "role clerk"; empty: nothing to name
  BoundedText<limits::user_id_bytes_max> subject;
  BoundedText<24> token;
  std::string_view certificate;  ///< the peer's, which outlives the exchange
  policy::SubjectType subject_type = policy::SubjectType::anonymous;
  store::TokenState token_state = store::TokenState::unknown;
  UnixSeconds token_expires = 0;  ///< of a valid one, or of its owner; 0: never, or not to be told
  bool looked_up = false;         ///< a credential was presented and judged
  bool decided = false;
  bool shadowed = false;
  policy::Verdict verdict = policy::Verdict::deny;
  policy::Reason reason = policy::Reason::no_rule;
  std::string_view cut;              ///< why we ended it half-way, a literal; empty when we did not
  std::string_view code;             ///< of our own answer, a literal; empty when the upstream answered
  int status = 0;                    ///< sent to the client; 0: it was gone before
  std::uint64_t bytes_received = 0;  ///< of the body
  std::uint64_t bytes_sent = 0;      ///< of the body
  Clock::time_point began;
  Clock::time_point answered;  ///< the upstream's head was read; zero when there was none
};

/// What an open exchange rests on beside the target, for looking again: written when it is let through.
struct OpenClaim {
  enum class Token : std::uint8_t {
    none = 0,  ///< none was accepted
    unusable,  ///< one was, but it is not valid: the subject is anonymous
    valid,
  };
  Token token = Token::none;
  CredentialPlace place = CredentialPlace::authorization;
  BoundedText<limits::credential_name_bytes_max> source;  ///< the name in that place
  store::SecretHash hash;                                 ///< of a valid one
  std::array<std::uint8_t, 16> client{};                  ///< address
};

/// Bytes that were read and not yet used: a window in a buffer.
struct Window {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  [[nodiscard]] std::uint32_t size() const noexcept { return end - begin; }
  [[nodiscard]] bool empty() const noexcept { return begin == end; }
  void clear() noexcept { begin = end = 0; }
};

struct Exchange {
  static constexpr std::size_t in_bytes = 32 * 1024;  ///< a request head is at most half of it
  static constexpr std::size_t out_bytes = 64 * 1024;
  static constexpr std::size_t head_out_bytes =
      limits::head_bytes_max + limits::subject_block_bytes_max + limits::rule_header_bytes_max + 2048;

  RequestReader request_reader;
  ResponseReader response_reader;
  Facts facts;
  Window in_window, out_window;
  bool head_complete = false;     ///< `request` can be relied on
  bool upgrade = false;           ///< a complete WebSocket handshake
  bool trailers = false;          ///< the rule lets trailers pass
  std::uint64_t body_limit = 0;   ///< bytes, 0 = unlimited
  policy::RuleTimeouts timeouts;  ///< of the rule
  BoundedText<128> answer_lines;  ///< of the rule, for the answer's head
  std::uint32_t upstream = 0;     ///< of the rule that governs: index into Snapshot::upstreams
  CredentialPlace credential_place = CredentialPlace::authorization;
  CredentialCut credential_cut;
  OpenClaim claim;  ///< what the exchange rests on while it is open
  std::size_t subject_block_size = 0;
  std::size_t host_size = 0;   ///< canonical host with port, in `host`
  policy::CanonicalPath path;  ///< text in `path_text`
  RequestHead request;         ///< offsets into `in`, good until the body is read over it
  ResponseHead response;       ///< offsets into `out`
  DecodedCredential decoded_credential;
  char host[limits::host_bytes_max + 8];
  char path_text[limits::target_bytes_max];
  char subject_block[limits::subject_block_bytes_max +
                     limits::rule_header_bytes_max];                     ///< then the rule's own headers
  char request_out[head_out_bytes + limits::upstream_header_bytes_max];  ///< the head for the upstream
  char response_out[head_out_bytes];         ///< the head for the client, or our own answer
  char in[in_bytes];                         ///< from the client
  char out[out_bytes];                       ///< from the upstream
  TrailerSection trailers_in, trailers_out;  ///< of the request and of the answer, with `trailers`

  [[nodiscard]] std::string_view unread_in() const noexcept {
    return {in + in_window.begin, in_window.size()};
  }
  [[nodiscard]] std::string_view unread_out() const noexcept {
    return {out + out_window.begin, out_window.size()};
  }
  /// Ready for the next request: what the client has sent ahead moves to the front.
  void next_request() noexcept;
};

/// Lends exchanges, the last one returned first: under load a few go round, whose memory the processor still
/// has. The memory is the system's, not the allocator's: what a burst needed goes back.
class ExchangePool : private Deadline {
 public:
  explicit ExchangePool(Reactor& reactor) noexcept : reactor_(reactor) {}
  ~ExchangePool() override;

  /// Without a byte that was read; otherwise as the last one left it, so it begins with next_request(). Null
  /// when the system has no memory.
  [[nodiscard]] Exchange* lend() noexcept;
  void give_back(Exchange* exchange) noexcept;

 private:
  static constexpr std::size_t warm_min = 8;              ///< keep their pages, whoever needs them
  static constexpr std::size_t cold_max = 4096;           ///< kept as address space only
  static constexpr std::size_t cooled_at_once_max = 128;  ///< each takes microseconds, and requests wait

  /// What nobody has needed since the last time gives its pages back.
  void expire() noexcept override;
  void cool(Exchange* exchange) noexcept;

  Reactor& reactor_;
  std::vector<Exchange*> warm_, cold_;
  std::size_t unused_ = 0;  ///< at the front of `warm_`, since the deadline was armed
};

/// Lends one for a scope.
class LentExchange {
 public:
  explicit LentExchange(ExchangePool& pool) noexcept : pool_(pool) {}
  ~LentExchange() { give_back(); }
  LentExchange(const LentExchange&) = delete;
  LentExchange& operator=(const LentExchange&) = delete;
  [[nodiscard]] bool borrow() noexcept { return exchange_ || (exchange_ = pool_.lend()); }
  void give_back() noexcept {
    if (exchange_) pool_.give_back(std::exchange(exchange_, nullptr));
  }
  [[nodiscard]] bool held() const noexcept { return exchange_ != nullptr; }
  Exchange* operator->() const noexcept { return exchange_; }
  Exchange& operator*() const noexcept { return *exchange_; }

 private:
  ExchangePool& pool_;
  Exchange* exchange_ = nullptr;
};

}  // namespace postern
