// Addresses we listen on or connect to.

#include <algorithm>
#include <arpa/inet.h>
#include <sys/un.h>

#include "conf/limits.hpp"
#include "conf/option.hpp"

namespace postern {
namespace {

constexpr std::string_view unix_scheme = "unix:";
constexpr std::size_t unix_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_alnum(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_ip(int family, const std::string& text) noexcept {
  std::uint8_t address[16];
  return inet_pton(family, text.c_str(), address) == 1;
}

/// A DNS name, or an IPv4 address in its one full form. Underscores are allowed: container names have them.
bool is_host(const std::string& host) noexcept {
  if (host.empty() || host.size() > limits::host_bytes_max) return false;
  const bool plain = std::all_of(host.begin(), host.end(),
                                 [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
  if (!plain || host.front() == '.' || host.front() == '-' || host.find("..") != std::string::npos)
    return false;
  // Resolvers read 127.1, 0x7f.1 and 2130706433 as addresses too. A name whose last label is a number must be
  // a plain one.
  const std::string_view last = std::string_view(host).substr(host.rfind('.') + 1);
  const bool number = !last.empty() && std::all_of(last.begin(), last.end(), is_digit);
  return number || last.starts_with("0x") || last.starts_with("0X") ? is_ip(AF_INET, host) : true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  const auto port = parse_count(text);
  if (!port || text.size() > 5 || *port > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

}  // namespace

std::string Endpoint::to_string() const {
  if (is_unix()) return std::string(unix_scheme) + unix_path;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint endpoint;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  if (text.starts_with(unix_scheme)) {
    endpoint.unix_path = text.substr(unix_scheme.size());
    const bool usable = endpoint.unix_path.starts_with('/') && endpoint.unix_path.size() > 1 &&
                        endpoint.unix_path.size() <= unix_path_bytes_max;
    return usable ? std::optional(endpoint) : std::nullopt;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::nullopt;
  endpoint.port = *port;

  const std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  endpoint.host = bracketed ? host.substr(1, host.size() - 2) : host;
  const bool valid = bracketed ? is_ip(AF_INET6, endpoint.host) : is_host(endpoint.host);
  return valid ? std::optional(endpoint) : std::nullopt;
}

bool is_loopback(const Endpoint& endpoint) noexcept {
  if (endpoint.is_unix() || endpoint.host == "localhost") return true;
  const auto network = parse_network(endpoint.host);
  static const Network loopback4 = *parse_network("127.0.0.0/8");
  static const Network loopback6 = *parse_network("::1");
  return network && (contains(loopback4, network->address) || contains(loopback6, network->address));
}

}  // namespace postern
