// The canonical form of a Host field value or authority (RFC 9110 §7.2, RFC 3986 §3.2.2).

#include <arpa/inet.h>
#include <cstring>

#include "policy/target.hpp"

namespace postern::policy {
namespace {

/// The lower-case form of every byte a host name may hold; 0 for what it may not. Narrower than RFC 3986's
/// reg-name: no name that resolves needs escapes or sub-delims, and two readers differ about them. `_` is met
/// in practice.
constexpr std::array<char, 256> name_table = [] {
  std::array<char, 256> table{};
  for (const char byte : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789-_.")) {
    table[static_cast<unsigned char>(byte)] = byte;
  }
  for (std::size_t i = 0; i < 26; ++i) table['A' + i] = static_cast<char>('a' + i);
  return table;
}();

/// `*DIGIT`, and a port when it is not empty. Five digits hold every port.
bool port_is_valid(std::string_view port) noexcept {
  if (port.size() > 5) return false;
  unsigned value = 0;
  for (const char digit : port) {
    if (digit < '0' || digit > '9') return false;
    value = value * 10 + static_cast<unsigned>(digit - '0');
  }
  return value <= 65535;
}

/// The address between the brackets, in the one spelling the system gives it: `[0:0::1]` is `[::1]`. Zones
/// and IPvFuture are refused, since no rule could mean them.
bool write_ipv6(std::string_view address, std::span<char> out, std::string_view& name) noexcept {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.size() >= sizeof text || address.find('\0') != std::string_view::npos) return false;
  std::memcpy(text, address.data(), address.size());
  in6_addr binary;
  if (::inet_pton(AF_INET6, text, &binary) != 1) return false;
  if (::inet_ntop(AF_INET6, &binary, text, sizeof text) == nullptr) return false;
  const std::size_t size = std::strlen(text);
  if (out.size() < size + 2) return false;
  out[0] = '[';
  std::memcpy(out.data() + 1, text, size);
  out[size + 1] = ']';
  name = {out.data(), size + 2};
  return true;
}

bool write_name(std::string_view raw, std::span<char> out, std::string_view& name) noexcept {
  if (!raw.empty() && raw.back() == '.') raw.remove_suffix(1);
  if (raw.empty() || raw.size() > limits::host_bytes_max || raw.size() > out.size()) return false;
  bool label_is_empty = true;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char lower = name_table[static_cast<unsigned char>(raw[i])];
    if (lower == 0 || (lower == '.' && label_is_empty)) return false;
    label_is_empty = lower == '.';
    out[i] = lower;
  }
  if (label_is_empty) return false;
  name = {out.data(), raw.size()};
  return true;
}

}  // namespace

bool canonical_host(std::string_view raw, std::span<char> out, CanonicalHost& host) noexcept {
  host = {};
  if (raw.empty()) return false;
  const bool bracketed = raw.front() == '[';
  const std::size_t name_size = bracketed ? raw.find(']') : raw.find(':');
  if (bracketed && name_size == std::string_view::npos) return false;

  const std::string_view name = raw.substr(bracketed ? 1 : 0, bracketed ? name_size - 1 : name_size);
  std::string_view rest;
  if (name_size != std::string_view::npos) rest = raw.substr(bracketed ? name_size + 1 : name_size);
  if (!rest.empty()) {
    if (rest.front() != ':' || !port_is_valid(rest.substr(1))) return false;
    host.port = rest.substr(1);
  }
  return bracketed ? write_ipv6(name, out, host.name) : write_name(name, out, host.name);
}

}  // namespace postern::policy
