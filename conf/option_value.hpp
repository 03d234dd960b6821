// How a text becomes a member of Config. Used by the option table alone.

#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "conf/option.hpp"

namespace postern {

/// A value as it was given, and where to complain about it.
struct Given {
  const yaml::Node& node;
  const Position& at;
  const Option& option;
  Diagnostics& diagnostics;

  /// Adds "<name>: <message>" at the value's place.
  void mistake(std::string_view message, std::string suggestion = {}) const;
  /// The text, or null pointer after a mistake when it is none.
  [[nodiscard]] const std::string* text() const;
  /// The text in quotes for a message, unless the option is secret.
  [[nodiscard]] std::string shown() const;
};

/// Reads one value into `out`, which stays as it is after a mistake.
void read_bool(const Given& given, bool& out);
void read_duration(const Given& given, std::chrono::milliseconds& out);
void read_bytes(const Given& given, std::uint64_t& out);
void read_count(const Given& given, std::uint32_t& out);
/// The path of a file or directory: not empty.
void read_path(const Given& given, std::string& out);
/// The same, and empty for "none".
void read_optional_path(const Given& given, std::string& out);
/// An absolute path that fits a Unix socket, or empty for "none".
void read_socket_path(const Given& given, std::string& out);
void read_access_log(const Given& given, std::string& out);
void read_store_mode(const Given& given, StoreMode& out);
void read_log_level(const Given& given, LogLevel& out);
void read_realm(const Given& given, std::string& out);
void read_service_name(const Given& given, std::string& out);
void read_token_prefix(const Given& given, std::string& out);
void read_header_prefix(const Given& given, std::string& out);
void read_credentials(const Given& given, std::vector<CredentialSource>& out);
void read_endpoint(const Given& given, Endpoint& out);
/// An address, or a mapping of `address`, `tls`, `proxy_protocol` and `decide`.
void read_listen(const Given& given, Listen& out);
/// A file that holds certificate and key, or a mapping of the two.
void read_key_pair(const Given& given, KeyPair& out);
void read_client_certificate(const Given& given, ClientCertificate& out);
void read_network(const Given& given, Network& out);

void read_upstream_url(const Given& given, UpstreamAddress& out);
/// http or https, with any path, or empty for "none".
void read_http_url(const Given& given, std::string& out);
/// A mapping of names to entries, whose keys are a table of their own: upstream_keys().
void read_upstreams(const Given& given, std::vector<Upstream>& out);
/// A mapping of names to values. What has to do with the rest of the configuration is upstream_header_flaw's.
void read_upstream_headers(const Given& given, std::vector<UpstreamHeader>& out);

/// A key of an entry of `upstreams`: an option in all but its place. `option.name` is "health.path".
struct UpstreamKey {
  Option option;
  void (*read)(const Given& given, Upstream& out);
};
[[nodiscard]] std::span<const UpstreamKey> upstream_keys() noexcept;

/// Reads a list: a sequence, or a single value for a list of one. At least `min` and at most `max` items.
template <auto read_item, std::size_t min, std::size_t max, class Item>
void read_list(const Given& given, std::vector<Item>& out) {
  const bool sequence = given.node.kind == yaml::Kind::sequence;
  const std::span<const yaml::Node> items =
      sequence ? std::span(given.node.items) : std::span<const yaml::Node>(&given.node, 1);
  if (items.size() < min) return given.mistake("the list is empty");
  if (items.size() > max) return given.mistake("more than " + std::to_string(max) + " entries");
  const std::size_t mistakes = given.diagnostics.size();
  std::vector<Item> read(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    // An item from a variable or a flag has no line; it is known by the name of its source.
    const Position at{given.at.file, items[i].line, items[i].column};
    read_item(Given{items[i], sequence ? at : given.at, given.option, given.diagnostics}, read[i]);
  }
  if (given.diagnostics.size() == mistakes) out = std::move(read);
}

/// The member that a path of member pointers leads to: member<&Config::timeouts, &Timeouts::head>(config).
template <auto... path>
auto& member(auto& config) noexcept {
  return (config.*....*path);
}

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

/// An option kept in one member of Config and read by `read`.
template <auto read_member, auto... path>
inline constexpr OptionValue option_value = {
    .read =
        [](const yaml::Node& node, const Position& at, const Option& option, Config& config,
           Diagnostics& diagnostics) {
          read_member(Given{node, at, option, diagnostics}, member<path...>(config));
        },
    .same = [](const Config& a, const Config& b) { return member<path...>(a) == member<path...>(b); },
    .copy = [](const Config& from, Config& to) { member<path...>(to) = member<path...>(from); },
    .list = is_vector<std::remove_cvref_t<decltype(member<path...>(std::declval<Config&>()))>>,
};

}  // namespace postern
