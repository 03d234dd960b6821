#include <algorithm>
#include <array>

#include "conf/limits.hpp"
#include "conf/option_value.hpp"

namespace postern {
namespace {

constexpr std::string_view to = " to ";

/// Whether `value` lies in the option's bounds ("10ms to 1h", both read by `parse`); a mistake when not.
template <class Number, class Parse>
bool within_bounds(const Given& given, Number value, Parse parse) {
  const std::string_view bounds = given.option.bounds;
  if (bounds.empty()) return true;
  const std::size_t middle = bounds.find(to);
  POSTERN_CHECK(middle != std::string_view::npos);
  const auto low = parse(bounds.substr(0, middle));
  const auto high = parse(bounds.substr(middle + to.size()));
  POSTERN_CHECK(low && high && *low <= *high);
  if (value >= *low && value <= *high) return true;
  given.mistake(given.shown() + " is out of bounds", "allowed is " + std::string(bounds));
  return false;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter_or_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool holds_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// Whether a network holds every IPv4 or every IPv6 address: `::/8` trusts the whole of IPv4 as much as
/// `0.0.0.0/0` does.
bool holds_everyone(const Network& network) {
  static const Network all_of_ipv4 = *parse_network("0.0.0.0/0");
  return network.prefix == 0 ||
         (network.prefix <= all_of_ipv4.prefix && contains(network, all_of_ipv4.address));
}

}  // namespace

void Given::mistake(std::string_view message, std::string suggestion) const {
  diagnostics.add(at, std::string(option.name) + ": " + std::string(message), std::move(suggestion));
}

const std::string* Given::text() const {
  switch (node.kind) {
    case yaml::Kind::scalar:
      return &node.scalar;
    case yaml::Kind::null:
      mistake("has no value");
      break;
    case yaml::Kind::sequence:
      mistake("one value is expected, not a list");
      break;
    case yaml::Kind::mapping:
      mistake("one value is expected, not a mapping");
      break;
  }
  return nullptr;
}

std::string Given::shown() const {
  return option.secret ? "the value" : quoted(node.scalar);
}

void read_bool(const Given& given, bool& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  if (*text != "true" && *text != "false") return given.mistake(given.shown() + " is neither true nor false");
  out = *text == "true";
}

void read_duration(const Given& given, std::chrono::milliseconds& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const auto value = parse_duration(*text);
  if (!value)
    return given.mistake(given.shown() + " is not a duration", "write it as 250ms, 10s, 5m or 1h30m");
  if (within_bounds(given, *value, parse_duration)) out = *value;
}

void read_bytes(const Given& given, std::uint64_t& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const auto value = parse_bytes(*text);
  if (!value)
    return given.mistake(given.shown() + " is not a size", "write it as 65536, 512KiB, 10MB or 64GiB");
  if (within_bounds(given, *value, parse_bytes)) out = *value;
}

void read_count(const Given& given, std::uint32_t& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const auto value = parse_count(*text);
  if (!value) return given.mistake(given.shown() + " is not a whole number");
  if (within_bounds(given, *value, parse_count)) out = static_cast<std::uint32_t>(*value);
}

void read_path(const Given& given, std::string& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  if (text->empty()) return given.mistake("the path is empty");
  if (holds_control(*text)) return given.mistake(given.shown() + " holds a control character");
  out = *text;
}

void read_optional_path(const Given& given, std::string& out) {
  if (given.node.kind == yaml::Kind::scalar && given.node.scalar.empty()) {
    out.clear();
    return;
  }
  read_path(given, out);
}

void read_socket_path(const Given& given, std::string& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  if (!text->empty() && !parse_endpoint("unix:" + *text))
    return given.mistake(given.shown() + " is not the path of a socket",
                         "it is absolute and at most 107 bytes long");
  out = *text;
}

void read_access_log(const Given& given, std::string& out) {
  // Somebody who writes `stdout` or `none` does not want a file of that name.
  static constexpr std::pair<std::string_view, std::string_view> slips[] = {
      {"stdout", "-"}, {"none", "off"}, {"false", "off"}, {"no", "off"}, {"OFF", "off"}, {"Off", "off"},
  };
  for (const auto& [written, meant] : slips)
    if (given.node.kind == yaml::Kind::scalar && given.node.scalar == written)
      return given.mistake(given.shown() + " is not a file's path", "did you mean " + quoted(meant) + "?");
  read_path(given, out);
}

void read_store_mode(const Given& given, StoreMode& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  if (*text != "managed" && *text != "declared")
    return given.mistake(given.shown() + " is no mode", "allowed is " + std::string(given.option.bounds));
  out = *text == "declared" ? StoreMode::declared : StoreMode::managed;
}

void read_log_level(const Given& given, LogLevel& out) {
  static constexpr std::pair<std::string_view, LogLevel> levels[] = {
      {"error", LogLevel::error},
      {"warning", LogLevel::warning},
      {"info", LogLevel::info},
      {"debug", LogLevel::debug},
  };
  const std::string* text = given.text();
  if (text == nullptr) return;
  std::vector<std::string_view> known;
  for (const auto& [name, level] : levels) {
    known.push_back(name);
    if (*text != name) continue;
    out = level;
    return;
  }
  std::string suggestion = did_you_mean(*text, known);
  if (suggestion.empty()) suggestion = "allowed is " + std::string(given.option.bounds);
  given.mistake(given.shown() + " is no log level", std::move(suggestion));
}

/// A text that is written between quotes; what would need escaping there gains nobody anything.
static void read_quotable(const Given& given, std::string_view what, std::string& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const bool plain = std::all_of(text->begin(), text->end(),
                                 [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
  if (text->empty() || text->size() > limits::realm_bytes_max || !plain)
    return given.mistake(given.shown() + " is no " + std::string(what),
                         "allowed is " + std::string(given.option.bounds));
  out = *text;
}

void read_realm(const Given& given, std::string& out) {
  read_quotable(given, "realm", out);
}

void read_service_name(const Given& given, std::string& out) {
  read_quotable(given, "name of a service", out);
}

void read_token_prefix(const Given& given, std::string& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const std::string_view word = std::string_view(*text).substr(0, text->empty() ? 0 : text->size() - 1);
  const bool plain = std::all_of(word.begin(), word.end(), is_letter_or_digit);
  if (word.empty() || text->size() > limits::token_prefix_bytes_max || !plain || text->back() != '_')
    return given.mistake(given.shown() + " is no token prefix",
                         "allowed is " + std::string(given.option.bounds));
  out = *text;
}

void read_credentials(const Given& given, std::vector<CredentialSource>& out) {
  const std::size_t mistakes = given.diagnostics.size();
  const auto mistake = [&given](const yaml::Node& node, std::string message, std::string suggestion) {
    // An item from a variable or a flag has no line; it is known by the name of its source.
    const Position at = node.line > 0 ? Position{given.at.file, node.line, node.column} : given.at;
    Given{node, at, given.option, given.diagnostics}.mistake(message, std::move(suggestion));
  };
  auto sources = read_credential_sources(given.node, mistake);
  if (given.diagnostics.size() == mistakes) out = std::move(sources);
}

void read_endpoint(const Given& given, Endpoint& out) {
  if (given.node.kind == yaml::Kind::mapping)
    return given.mistake("one address is expected, not a mapping", "write host:port");
  const std::string* text = given.text();
  if (text == nullptr) return;
  auto endpoint = parse_endpoint(*text);
  if (endpoint) {
    out = std::move(*endpoint);
    return;
  }
  const std::string_view port = std::string_view(*text).substr(text->starts_with(':') ? 1 : 0);
  const bool port_alone = !port.empty() && parse_endpoint("127.0.0.1:" + std::string(port)).has_value();
  given.mistake(given.shown() + " is not an address",
                port_alone ? "did you mean \"127.0.0.1:" + std::string(port) + "\"?"
                           : "write host:port, [ipv6]:port or unix:/path");
}

void read_network(const Given& given, Network& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const auto network = parse_network(*text);
  if (!network) {
    const auto enclosing = enclosing_network(*text);
    if (!enclosing)
      return given.mistake(given.shown() + " is not a network", "write it as 10.0.0.0/8 or fd00::/8");
    return given.mistake(given.shown() + " has bits beyond its prefix",
                         "did you mean " + quoted(to_string(*enclosing)) + "?");
  }
  if (holds_everyone(*network))
    return given.mistake(given.shown() + " would trust everybody",
                         "name the networks of the proxies in front");
  out = *network;
}

}  // namespace postern
