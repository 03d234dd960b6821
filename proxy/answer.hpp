// The answers we give ourselves: RFC 9457 problem documents with a stable code and the request id. The one
// place where a failure or a decision becomes a status.

#pragma once

#include <span>
#include <string_view>

#include "policy/decide.hpp"
#include "policy/target.hpp"
#include "proxy/head_reader.hpp"

namespace postern {

/// One refusal. All texts are literals.
struct Answer {
  int status = 500;
  std::string_view code = "internal";  ///< stable, for programs
  std::string_view detail;             ///< a sentence, for people; never a secret or an internal path
  std::string_view challenge;  ///< of WWW-Authenticate: "none" = without an error code, or an RFC 6750 error;
                               ///< empty = no field
  std::string_view reason;     ///< why authorisation was refused, policy::Reason's word; may be empty
  int retry_after = 0;         ///< seconds; 0 = no field
};

namespace answers {

[[nodiscard]] Answer of(HeadError error) noexcept;
[[nodiscard]] Answer of(policy::TargetError error) noexcept;
/// Of a decision that denies.
[[nodiscard]] Answer of(const policy::Decision& decision) noexcept;

extern const Answer malformed_credential;
extern const Answer ambiguous_field;     ///< an alias of a framing name, or Connection naming what it may not
extern const Answer method_not_allowed;  ///< CONNECT, TRACE
extern const Answer bad_upgrade;
extern const Answer untrusted_peer;  ///< asks for a decision, and trusted_proxies does not name it
extern const Answer nothing_asked;   ///< a question for a decision that does not name its request
extern const Answer bad_body;        ///< a chunked body that breaks its grammar
extern const Answer body_too_large;
extern const Answer token_revoked;  ///< while the request was open
extern const Answer head_timeout;
extern const Answer body_too_slow;
extern const Answer too_many_requests;  ///< in flight
/// `seconds` until the address may fail again.
[[nodiscard]] Answer too_many_failures(int seconds) noexcept;
extern const Answer store_unavailable;
extern const Answer no_capacity;
extern const Answer upstream_unreachable;
extern const Answer upstream_malformed;
extern const Answer upstream_timeout;

}  // namespace answers

/// What of the connection an answer needs to know.
struct AnswerContext {
  std::string_view request_id;
  std::string_view realm;
  std::string_view date;  ///< of HttpDate
  bool close = true;
  bool head_request = false;  ///< no body follows, but its length is told
};

/// Writes the whole answer, head and body. `out` needs answer_bytes_max bytes. Returns the size.
inline constexpr std::size_t answer_bytes_max = 2048;
[[nodiscard]] std::size_t write_answer(const Answer& answer, const AnswerContext& context,
                                       std::span<char> out) noexcept;

/// "Not Found" for 404; empty when unknown (the reason phrase may be).
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

}  // namespace postern
