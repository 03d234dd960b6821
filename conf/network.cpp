// IP networks. IPv4 lives in the mapped part of IPv6 (::ffff:0:0/96), so that one comparison serves both.

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>

#include "conf/option.hpp"

namespace postern {
namespace {

constexpr std::uint8_t mapped_bits = 96;
constexpr std::uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool is_mapped(const Network& network) noexcept {
  return network.prefix >= mapped_bits &&
         std::memcmp(network.address, mapped_prefix, sizeof mapped_prefix) == 0;
}

/// An address without prefix, as the network of itself alone.
std::optional<Network> parse_address(std::string_view text) noexcept {
  char copy[INET6_ADDRSTRLEN];  // inet_pton wants a terminated text
  if (text.empty() || text.size() >= sizeof copy || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  Network network;
  network.prefix = 128;
  if (inet_pton(AF_INET6, copy, network.address) == 1) return network;
  std::memcpy(network.address, mapped_prefix, sizeof mapped_prefix);
  if (inet_pton(AF_INET, copy, network.address + sizeof mapped_prefix) == 1) return network;
  return std::nullopt;
}

/// Clears the bits beyond the prefix. Whether one was set.
bool clear_host_bits(Network& network) noexcept {
  bool any = false;
  for (std::size_t i = 0; i < sizeof network.address; ++i) {
    const std::size_t kept = std::min<std::size_t>(8, network.prefix > i * 8 ? network.prefix - i * 8 : 0);
    const auto mask = static_cast<std::uint8_t>(0xFF00U >> kept);
    any = any || (network.address[i] & ~mask & 0xFF) != 0;
    network.address[i] &= mask;
  }
  return any;
}

/// Address and prefix, host bits and all.
std::optional<Network> parse_with_host_bits(std::string_view text) noexcept {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  auto network = parse_address(address);
  if (!network || slash == std::string_view::npos) return network;

  const std::string_view digits = text.substr(slash + 1);
  const auto prefix = parse_count(digits);
  const bool v4 = address.find(':') == std::string_view::npos;
  const std::uint64_t prefix_max = v4 ? 32 : 128;
  // "/08" and "/8" would be two spellings of one network.
  const bool padded = digits.size() > 1 && digits.front() == '0';
  if (!prefix || padded || *prefix > prefix_max) return std::nullopt;
  network->prefix = static_cast<std::uint8_t>(*prefix + (v4 ? mapped_bits : 0));
  return network;
}

}  // namespace

std::optional<Network> parse_network(std::string_view text) noexcept {
  auto network = parse_with_host_bits(text);
  if (network && clear_host_bits(*network)) return std::nullopt;
  return network;
}

std::optional<Network> enclosing_network(std::string_view text) noexcept {
  auto network = parse_with_host_bits(text);
  if (network) (void)clear_host_bits(*network);
  return network;
}

bool contains(const Network& network, std::span<const std::uint8_t, 16> address) noexcept {
  const std::size_t whole = network.prefix / 8;
  const unsigned rest = network.prefix % 8;
  if (std::memcmp(network.address, address.data(), whole) != 0) return false;
  if (rest == 0) return true;
  const unsigned difference = static_cast<unsigned>(network.address[whole] ^ address[whole]);
  return difference >> (8 - rest) == 0;
}

std::string to_string(const Network& network) {
  char text[INET6_ADDRSTRLEN] = {};
  const bool v4 = is_mapped(network);
  const std::uint8_t* address = network.address + (v4 ? sizeof mapped_prefix : 0);
  inet_ntop(v4 ? AF_INET : AF_INET6, address, text, sizeof text);
  return std::string(text) + '/' + std::to_string(network.prefix - (v4 ? mapped_bits : 0));
}

}  // namespace postern
