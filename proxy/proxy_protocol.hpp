// The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): what a proxy in front says about
// its client before the client's first byte. Pure; the address it tells is believed, so nothing is guessed.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace postern {

struct ProxyHeader {
  enum class Status : std::uint8_t { malformed = 0, incomplete, complete } status = Status::malformed;
  std::size_t size = 0;    ///< of the whole header, when complete: what follows is the client's
  bool announces = false;  ///< false: LOCAL, UNKNOWN or a Unix socket: nobody knows who speaks
  std::array<std::uint8_t, 16> client{};  ///< IPv4 as mapped IPv6
};

/// Reads the header at the front of `bytes`. A version 1 line longer than 107 bytes, a version 2 header
/// longer than limits::proxy_header_bytes_max, datagrams, and whatever deviates from the grammar are
/// malformed as soon as it shows. Extensions of version 2 (TLVs) are skipped.
[[nodiscard]] ProxyHeader read_proxy_header(std::string_view bytes) noexcept;

}  // namespace postern
