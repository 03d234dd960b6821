#include "proxy/proxy_protocol.hpp"

#include <algorithm>
#include <cstring>

#include "conf/limits.hpp"
#include "proxy/address.hpp"

namespace postern {
namespace {

using State = ProxyHeader::Status;

constexpr std::string_view line_begin = "PROXY ";
constexpr std::size_t line_bytes_max = 107;  // with its CRLF, says the specification
constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t fixed_bytes = 16;  // of version 2, before the addresses

ProxyHeader header(State status) noexcept {
  ProxyHeader result;
  result.status = status;
  return result;
}

/// Cuts the next word off; every word but the last has exactly one space behind it.
std::string_view next_word(std::string_view& line) noexcept {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  return word;
}

bool is_port(std::string_view text) noexcept {
  unsigned number = 0;
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return false;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number <= UINT16_MAX;
}

/// "TCP4 192.0.2.1 198.51.100.1 56324 443"
ProxyHeader read_words(std::string_view line, std::size_t size) noexcept {
  ProxyHeader result = header(State::complete);
  result.size = size;
  const std::string_view protocol = next_word(line);
  if (protocol == "UNKNOWN") return result;
  const bool v6 = protocol == "TCP6";
  if (!v6 && protocol != "TCP4") return header(State::malformed);
  std::size_t good = 0;
  for (int i = 0; i < 2; ++i) {
    const std::string_view word = next_word(line);
    const auto address = parse_address(word);
    if (!address || (word.find(':') != std::string_view::npos) != v6) break;
    if (i == 0) result.client = *address;
    ++good;
  }
  const std::string_view source_port = next_word(line);
  if (good != 2 || !is_port(source_port) || !is_port(line)) return header(State::malformed);
  result.announces = true;
  return result;
}

ProxyHeader read_line(std::string_view bytes) noexcept {
  const std::string_view window = bytes.substr(0, line_bytes_max);
  const std::size_t end = window.find('\r');
  if (end == std::string_view::npos) {
    if (window.find('\n') != std::string_view::npos) return header(State::malformed);
    return header(bytes.size() < line_bytes_max ? State::incomplete : State::malformed);
  }
  if (window.substr(0, end).find('\n') != std::string_view::npos || end + 2 > line_bytes_max)
    return header(State::malformed);
  if (end + 1 == bytes.size()) return header(State::incomplete);
  if (bytes[end + 1] != '\n') return header(State::malformed);
  return read_words(window.substr(line_begin.size(), end - line_begin.size()), end + 2);
}

ProxyHeader read_binary(std::string_view bytes) noexcept {
  const auto byte = [bytes](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  enum : std::uint8_t { local = 0x20, proxied = 0x21 };
  enum : std::uint8_t { unspecified = 0x00, tcp4 = 0x11, tcp6 = 0x21, unix_stream = 0x31 };
  if (bytes.size() > 12 && byte(12) != local && byte(12) != proxied) return header(State::malformed);
  if (bytes.size() < fixed_bytes) return header(State::incomplete);

  const std::size_t rest = std::size_t{byte(14)} << 8 | byte(15);
  if (fixed_bytes + rest > limits::proxy_header_bytes_max) return header(State::malformed);
  std::size_t addresses = 0;  // of both ends, with ports
  if (byte(12) == proxied) {
    switch (byte(13)) {
      case unspecified:
        break;
      case tcp4:
        addresses = 12;
        break;
      case tcp6:
        addresses = 36;
        break;
      case unix_stream:
        addresses = 216;
        break;
      default:
        return header(State::malformed);
    }
  }
  if (rest < addresses) return header(State::malformed);
  if (bytes.size() < fixed_bytes + rest) return header(State::incomplete);

  ProxyHeader result = header(State::complete);
  result.size = fixed_bytes + rest;
  result.announces = addresses == 12 || addresses == 36;
  if (addresses == 12) {
    result.client[10] = result.client[11] = 0xFF;
    std::memcpy(result.client.data() + 12, bytes.data() + fixed_bytes, 4);
  } else if (addresses == 36) {
    std::memcpy(result.client.data(), bytes.data() + fixed_bytes, 16);
  }
  return result;
}

/// Whether `bytes` begin with `begin`, or are the begin of it.
bool may_become(std::string_view bytes, std::string_view begin) noexcept {
  const std::size_t size = std::min(bytes.size(), begin.size());
  return bytes.substr(0, size) == begin.substr(0, size);
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) noexcept {
  if (bytes.empty()) return header(State::incomplete);
  if (may_become(bytes, signature))
    return bytes.size() < signature.size() ? header(State::incomplete) : read_binary(bytes);
  if (!may_become(bytes, line_begin)) return header(State::malformed);
  return bytes.size() < line_begin.size() ? header(State::incomplete) : read_line(bytes);
}

}  // namespace postern
