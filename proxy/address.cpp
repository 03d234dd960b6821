#include "proxy/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

#include "conf/option.hpp"

namespace postern {
namespace {

void map_ipv4(const in_addr& address, std::array<std::uint8_t, 16>& bytes) noexcept {
  bytes = {};
  bytes[10] = bytes[11] = 0xFF;
  std::memcpy(bytes.data() + 12, &address, 4);
}

template <class T>
T as(const SocketAddress& address) noexcept {
  T typed;
  std::memcpy(&typed, &address.storage, sizeof typed);
  return typed;
}

template <class T>
SocketAddress from(const T& typed, std::size_t size) noexcept {
  SocketAddress address;
  std::memcpy(&address.storage, &typed, sizeof typed);
  address.size = static_cast<socklen_t>(size);
  return address;
}

}  // namespace

std::optional<std::array<std::uint8_t, 16>> parse_address(std::string_view text) noexcept {
  char terminated[INET6_ADDRSTRLEN] = {};
  if (text.empty() || text.size() >= sizeof terminated) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton() would not look beyond
  std::memcpy(terminated, text.data(), text.size());
  std::array<std::uint8_t, 16> bytes{};
  in_addr v4{};
  if (::inet_pton(AF_INET, terminated, &v4) == 1) {
    map_ipv4(v4, bytes);
    return bytes;
  }
  if (::inet_pton(AF_INET6, terminated, bytes.data()) == 1) return bytes;
  return std::nullopt;
}

void describe_peer(const SocketAddress& address, std::array<std::uint8_t, 16>& bytes,
                   BoundedText<46>& text) noexcept {
  bytes = {};
  text.clear();
  if (address.family() == AF_INET) {
    map_ipv4(as<sockaddr_in>(address).sin_addr, bytes);
  } else if (address.family() == AF_INET6) {
    const auto v6 = as<sockaddr_in6>(address);
    std::memcpy(bytes.data(), &v6.sin6_addr, 16);
  } else {
    return;
  }
  spell_address(bytes, text);
}

void spell_address(const std::array<std::uint8_t, 16>& bytes, BoundedText<46>& text) noexcept {
  in6_addr address;
  std::memcpy(&address, bytes.data(), bytes.size());
  char spelled[INET6_ADDRSTRLEN] = {};
  if (IN6_IS_ADDR_V4MAPPED(&address))
    ::inet_ntop(AF_INET, bytes.data() + 12, spelled, sizeof spelled);
  else
    ::inet_ntop(AF_INET6, &address, spelled, sizeof spelled);
  text.assign(spelled);
}

bool is_within(const std::vector<Network>& networks, std::span<const std::uint8_t, 16> address) noexcept {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return contains(network, address); });
}

Result<std::optional<SocketAddress>> literal_address(const Endpoint& endpoint) {
  if (endpoint.is_unix()) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    if (endpoint.unix_path.size() >= sizeof path.sun_path)
      return Error{ErrorKind::invalid, "unix:" + endpoint.unix_path + ": the path of a socket is at most " +
                                           std::to_string(sizeof path.sun_path - 1) + " bytes"};
    std::memcpy(path.sun_path, endpoint.unix_path.data(), endpoint.unix_path.size());
    return std::optional(from(path, offsetof(sockaddr_un, sun_path) + endpoint.unix_path.size() + 1));
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(endpoint.port);
  if (::inet_pton(AF_INET, endpoint.host.c_str(), &v4.sin_addr) == 1)
    return std::optional(from(v4, sizeof v4));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  if (::inet_pton(AF_INET6, endpoint.host.c_str(), &v6.sin6_addr) == 1)
    return std::optional(from(v6, sizeof v6));
  return std::optional<SocketAddress>();
}

std::string to_string(const SocketAddress& address) {
  if (address.family() == AF_UNIX) return std::string("unix:") + as<sockaddr_un>(address).sun_path;
  std::array<std::uint8_t, 16> bytes{};
  BoundedText<46> text;
  describe_peer(address, bytes, text);
  const bool v6 = address.family() == AF_INET6;
  const std::uint16_t port =
      ntohs(v6 ? as<sockaddr_in6>(address).sin6_port : as<sockaddr_in>(address).sin_port);
  const std::string host(text.view());
  return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace postern
