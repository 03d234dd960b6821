// Socket addresses: where we listen, where we connect, who the peer is.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include "conf/config.hpp"
#include "conf/result.hpp"
#include "proxy/bounded_text.hpp"

namespace postern {

/// An address as the kernel takes it: IPv4, IPv6 or Unix.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

/// An IP literal as 16 bytes, IPv4 mapped into IPv6. Nothing when it is not one.
[[nodiscard]] std::optional<std::array<std::uint8_t, 16>> parse_address(std::string_view text) noexcept;

/// The address of a connected peer as 16 bytes and as text; all zero and empty for a Unix socket.
void describe_peer(const SocketAddress& address, std::array<std::uint8_t, 16>& bytes,
                   BoundedText<46>& text) noexcept;

/// The text of 16 bytes: "192.0.2.1" when they are a mapped IPv4 address.
void spell_address(const std::array<std::uint8_t, 16>& bytes, BoundedText<46>& text) noexcept;

/// Whether any of the networks holds the address.
[[nodiscard]] bool is_within(const std::vector<Network>& networks,
                             std::span<const std::uint8_t, 16> address) noexcept;

/// A Unix path or an IP literal with a port, without asking anybody. Nothing for a name. Error: a path too
/// long for a socket.
[[nodiscard]] Result<std::optional<SocketAddress>> literal_address(const Endpoint& endpoint);

/// "127.0.0.1:8080" or "unix:/run/app.sock" of a bound socket.
[[nodiscard]] std::string to_string(const SocketAddress& address);

}  // namespace postern
