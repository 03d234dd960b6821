// The handshake of RFC 6455, as far as a proxy must understand it: what follows a verified 101 is a tunnel.

#pragma once

#include <string_view>

#include "proxy/head_reader.hpp"

namespace postern {

enum class UpgradeRequest : std::uint8_t {
  none = 0,   ///< no upgrade, or one that we do not pass on (h2c): served as plain HTTP
  websocket,  ///< complete: GET, HTTP/1.1, `Connection: upgrade`, `Upgrade: websocket`, version 13, a key, no
              ///< body
  malformed,  ///< asks for websocket, but not like that: 400
};
[[nodiscard]] UpgradeRequest upgrade_request(const RequestHead& head, const char* buffer) noexcept;

/// Whether the upstream's 101 answers exactly this handshake: `Upgrade: websocket` and the accept value of
/// the key.
[[nodiscard]] bool upgrade_accepted(const ResponseHead& response, const char* response_buffer,
                                    std::string_view key) noexcept;

/// The client's Sec-WebSocket-Key; empty when there is none.
[[nodiscard]] std::string_view websocket_key(const RequestHead& head, const char* buffer) noexcept;

}  // namespace postern
