// The heads we write: what the client sent and the upstream answered, rewritten. Order of a request's
// rewrite: drop what the incoming Connection names and every reserved name, drop the credential, add
// forwarding facts, then the subject, then the upstream's own headers, then our own framing.

#pragma once

#include <string_view>

#include "proxy/bounded_text.hpp"
#include "proxy/credential.hpp"
#include "proxy/head_reader.hpp"
#include "proxy/header_rules.hpp"
#include "proxy/injected_headers.hpp"

namespace postern {

/// What the rewritten request says beside what the client sent. All views are borrowed for the call.
struct RequestRewrite {
  std::string_view path;  ///< canonical; the very bytes the rule was matched on
  std::string_view host;  ///< canonical name and port, or the upstream's authority; may be empty (HTTP/1.0)
  std::string_view client_address;  ///< of the peer: appended to X-Forwarded-For
  std::string_view protocol = "http";
  std::string_view request_id;
  std::string_view traceparent;
  bool trace_continued = true;     ///< else the client's tracestate has no trace to belong to
  CredentialCut credential_cut;    ///< beside Authorization, which never passes
  std::string_view subject_block;  ///< complete lines with CRLF
  const InjectedHeaders* own_headers =
      nullptr;                ///< of the upstream; what a client sent under their names goes
  bool trusted_peer = false;  ///< its forwarding facts are kept
  bool upgrade = false;       ///< a checked WebSocket handshake: Upgrade and Connection go out
  bool expect_continue = false;
  bool trailers = false;  ///< the rule passes them: `TE: trailers` is asked for and `Trailer` told
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;
};

/// Fields whose fate is `refuse`, a nomination that is not allowed, or a method that is not served.
enum class RewriteError : std::uint8_t { none = 0, ambiguous_field, too_long };

/// Writes the head for the upstream. The raw lines that pass are copied in runs, not field by field.
[[nodiscard]] RewriteError write_request_head(const RequestHead& head, const char* buffer,
                                              const HeaderRules& rules, const RequestRewrite& rewrite,
                                              TextWriter& out) noexcept;

/// What the rewritten response says.
struct ResponseRewrite {
  std::string_view request_id;
  Framing framing = Framing::none;  ///< towards the client
  std::uint64_t content_length = 0;
  bool keep_length = false;  ///< without a body (HEAD, 304): the length told by the upstream is passed on
  bool close = false;
  bool client_http10 = false;  ///< a kept connection must then be named
  bool upgrade = false;        ///< a 101 to a handshake
  bool trailers = false;       ///< they will be passed on: so is what `Trailer` announces
  std::string_view
      date;  ///< of HttpDate, for an answer that has none (RFC 9110 §6.6.1); empty: none is added
  bool owns_token_expires = false;  ///< X-Token-Expires is ours: the upstream's is dropped
  std::string_view token_expires;   ///< its value; empty: there is none
  std::string_view rule_lines;      ///< Deprecation and Sunset of the rule; the upstream's own then go
  bool is_private = false;  ///< the credential stood in the query: caches must not share it (RFC 6750 §2.3)
};

/// Writes the head for the client; informational ones too. False when it does not fit, or its Connection
/// names too much.
[[nodiscard]] bool write_response_head(const ResponseHead& head, const char* buffer,
                                       const ResponseRewrite& rewrite, TextWriter& out) noexcept;

/// "a\r\n" for 10: the size line of a chunk. `out` needs 18 bytes.
[[nodiscard]] std::string_view chunk_size_line(std::size_t size, std::span<char> out) noexcept;

}  // namespace postern
