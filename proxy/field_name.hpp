// The field names that mean something to us.

#pragma once

#include <cstdint>
#include <string_view>

namespace postern {

/// Fields that mean something to us. Recognised by exact name in any case; aliases (`Content_Length`) are
/// `other`, and the header rules look at them.
enum class FieldName : std::uint8_t {
  other = 0,
  host,
  connection,
  content_length,
  transfer_encoding,
  expect,
  upgrade,
  te,
  trailer,
  keep_alive,
  proxy_connection,
  authorization,
  proxy_authorization,
  proxy_authenticate,
  cookie,
  date,
  via,
  server,
  x_request_id,
  traceparent,
  tracestate,
  forwarded,
  x_real_ip,
  x_forwarded,  ///< any name that starts with "X-Forwarded-"
  x_original,   ///< any name that starts with "X-Original-"
  x_rewrite_url,
  x_http_method_override,
  http2_settings,
  sec_websocket_key,
  sec_websocket_version,
  sec_websocket_accept,
  sec_websocket_protocol,
};

/// Recognises a name that is known to be a token; anything else may be mistaken for one. A few instructions:
/// by length, then whole words with the case bit set, no hash and no table in memory.
[[nodiscard]] FieldName field_name(std::string_view token) noexcept;

}  // namespace postern
