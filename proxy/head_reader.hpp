// The strict reader of HTTP/1.x heads: the only one in the house, for clients, upstreams and the admin listener. The
// grammar is RFC 9112 with every ambiguity refused; tests/e2e/README.md maps each check to its test.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "conf/limits.hpp"

namespace postern {

/// A piece of the buffer a head was read from. Offsets, not views: the buffer may move.
struct Slice {
  std::uint32_t begin = 0;
  std::uint32_t size = 0;
  [[nodiscard]] std::string_view of(const char* buffer) const noexcept { return {buffer + begin, size}; }
};

/// Fields that mean something to us. Recognised by exact name in any case; aliases (`Content_Length`) are `other`, and
/// the header rules look at them.
enum class FieldName : std::uint8_t {
  other = 0,
  host, connection, content_length, transfer_encoding, expect, upgrade, te, trailer, keep_alive, proxy_connection,
  authorization, proxy_authorization, proxy_authenticate, cookie, date, via, server,
  x_request_id, traceparent, tracestate,
  forwarded, x_real_ip, x_forwarded,   ///< x_forwarded: any name that starts with "X-Forwarded-"
  x_original, x_rewrite_url, x_http_method_override,  ///< x_original: any name that starts with "X-Original-"
  http2_settings, sec_websocket_key, sec_websocket_version, sec_websocket_accept,
};

struct Field {
  Slice name;
  Slice value;  ///< OWS trimmed on both sides
  FieldName known = FieldName::other;
  bool plain = true;  ///< the name holds only letters, digits and '-'
};

enum class HeadStatus : std::uint8_t { incomplete = 0, complete, refused };

/// Why a head was refused. Stable words for log and problem body; `status_of` gives the answer to a client.
enum class HeadError : std::uint8_t {
  none = 0,
  bad_request_line, bad_method, bad_target, bad_version, unsupported_version, bad_line_end, bad_field_name,
  bad_field_value, folded_field, bad_host, missing_host, bad_content_length, bad_transfer_encoding,
  unsupported_transfer_encoding, length_and_coding, coding_in_http10, bad_connection, bad_expect, bad_status_line,
  target_too_long, head_too_long, too_many_fields,
};
[[nodiscard]] std::string_view to_string(HeadError error) noexcept;
/// 400, 414, 417, 431, 501 or 505.
[[nodiscard]] int status_of(HeadError error) noexcept;

enum class TargetForm : std::uint8_t { origin = 0, absolute, asterisk, authority };

/// How the length of a body is told.
enum class Framing : std::uint8_t { none = 0, length, chunked, until_close };

/// What both kinds of head share.
struct Head {
  std::uint8_t minor = 1;            ///< HTTP/1.minor
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;  ///< with Framing::length
  bool connection_close = false;
  bool connection_keep_alive = false;
  bool connection_upgrade = false;   ///< `upgrade` is among Connection's tokens
  std::uint16_t field_count = 0;
  std::uint32_t size = 0;            ///< bytes of the head, leading empty line and final CRLF included
  std::array<Field, limits::fields_max> fields;

  [[nodiscard]] std::span<const Field> all() const noexcept { return {fields.data(), field_count}; }
};

struct RequestHead : Head {
  Slice method;
  Slice target;             ///< as sent
  TargetForm form = TargetForm::origin;
  Slice path;               ///< of origin and absolute form, without query; empty path of absolute form has size 0
  Slice query;              ///< without '?'
  bool has_query = false;
  Slice host;               ///< value of Host, or the authority of absolute form (which must equal Host)
  bool has_host = false;
  bool expect_continue = false;
};

struct ResponseHead : Head {
  std::uint16_t status = 0;
  Slice reason;  ///< never forwarded raw
  bool has_date = false;
};

/// Reads one request head from the front of a buffer that grows. Feed it the whole buffer each time; every byte is looked
/// at once, whatever the segmentation, and the verdict never depends on it. Never throws, asserts or allocates.
class RequestReader {
 public:
  /// `buffer` starts at the first byte of the message and holds all that has arrived, perhaps more than the head.
  /// After `complete`, `head` holds offsets into `buffer` and head.size bytes were consumed. After `refused`, error().
  /// `head` is only written, never read across calls by anybody else.
  HeadStatus feed(std::string_view buffer, RequestHead& head) noexcept;
  [[nodiscard]] HeadError error() const noexcept { return error_; }
  /// Ready for the next message.
  void reset() noexcept { *this = RequestReader{}; }

 private:
  std::uint32_t line_begin_ = 0;  ///< of the line being waited for
  std::uint32_t scanned_ = 0;     ///< bytes already searched for the line end
  bool request_line_seen_ = false;
  bool empty_line_seen_ = false;
  std::uint8_t seen_ = 0;         ///< which single fields were seen
  HeadError error_ = HeadError::none;
};

/// The same for the upstream's status line and fields. Any refusal is a 502. The caller says which request it answers with
/// `finish`, since HEAD and the status decide whether a body follows.
class ResponseReader {
 public:
  HeadStatus feed(std::string_view buffer, ResponseHead& head) noexcept;
  [[nodiscard]] HeadError error() const noexcept { return error_; }
  void reset() noexcept { *this = ResponseReader{}; }

 private:
  std::uint32_t line_begin_ = 0;
  std::uint32_t scanned_ = 0;
  bool status_line_seen_ = false;
  std::uint8_t seen_ = 0;
  HeadError error_ = HeadError::none;
};

/// How the body that follows `head` is framed, given the request's method: none for HEAD, 1xx, 204, 304 whatever the
/// fields say; else chunked, length, or until_close.
[[nodiscard]] Framing response_framing(const ResponseHead& head, bool head_request) noexcept;

/// Calls `each(token)` for every token of a comma list, OWS trimmed, empty elements skipped.
template <class Each>
void for_each_token(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view token = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    while (!token.empty() && (token.front() == ' ' || token.front() == '\t')) token.remove_prefix(1);
    while (!token.empty() && (token.back() == ' ' || token.back() == '\t')) token.remove_suffix(1);
    if (!token.empty()) each(token);
  }
}

/// Byte classes of RFC 9110 §5.6.2, by table: `char` is signed on some machines.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// ASCII case-insensitive equality.
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;

}  // namespace postern
