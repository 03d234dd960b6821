// The configuration as data: each option is one line of a table, from which parsing, validation, environment variables,
// flags, `postern check` and the reference come.

#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/config.hpp"
#include "conf/diagnostic.hpp"
#include "conf/yaml.hpp"

namespace postern {

/// When a changed value takes effect.
enum class Change : std::uint8_t { reload, restart };

struct Option {
  std::string_view name;           ///< "timeouts.head"; nested keys by '.'
  std::string_view meaning;        ///< one sentence
  std::string_view unit;           ///< "duration", "bytes", "count", "host:port or unix:path", …; empty when it says nothing
  std::string_view default_value;  ///< as it would be written; empty = none
  std::string_view bounds;         ///< "1 to 1024", "at most 10m"; empty = any
  Change change = Change::restart;
  bool secret = false;             ///< never printed
  std::string_view flag;           ///< "--upstream", or empty
  bool supported = true;           ///< false: known from the design, refused as "not yet supported"
  /// Reads a value into the configuration. A mistake is a diagnostic at the node's place.
  void (*read)(const yaml::Node& node, const Position& at, Config& config, Diagnostics& diagnostics) = nullptr;
};

/// The table, in the order of the reference.
[[nodiscard]] std::span<const Option> options() noexcept;

/// Where values come from. Precedence: flag > environment > file > default.
struct ConfigSources {
  std::string file;  ///< empty: postern.yaml in the working directory, else /etc/postern/postern.yaml, else no file
  std::vector<std::pair<std::string, std::string>> flags;  ///< option name ("upstream") and the text given
  /// Reads an environment variable (POSTERN_TIMEOUTS_HEAD); null pointer when unset. Default: the process's.
  std::function<const char*(const char*)> environment;
  bool dev = false;
};

struct LoadedConfig {
  Config config;
  yaml::Document document;  ///< file empty when there was none
};

/// Reads, merges and validates everything; every mistake is reported, whatever its source. Nothing when there was one. Unknown
/// POSTERN_* variables are mistakes too, with a suggestion. Does not open policy, store or catalog.
[[nodiscard]] std::optional<LoadedConfig> load_config(const ConfigSources& sources, Diagnostics& diagnostics,
                                                      yaml::Document* document = nullptr);

/// The reference in Markdown (`postern config reference`), from the table alone.
[[nodiscard]] std::string config_reference();

/// "10s", "250ms", "5m", "1h30m", "7d" → milliseconds. Nothing when malformed, negative or beyond 10 years.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;
/// "64GiB", "10MB", "1024" → bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept;
/// "10.0.0.0/8", "::1/128", or an address alone. Host bits beyond the prefix are a mistake (nothing).
[[nodiscard]] std::optional<Network> parse_network(std::string_view text) noexcept;
/// Whether a mapped 16-byte address lies in the network.
[[nodiscard]] bool contains(const Network& network, std::span<const std::uint8_t, 16> address) noexcept;
/// "10.0.0.0/8" again.
[[nodiscard]] std::string to_string(const Network& network);
/// "127.0.0.1:8080", "[::1]:8080", "unix:/run/a.sock". Nothing when malformed.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);

/// "0.1.0"
[[nodiscard]] std::string_view version() noexcept;

}  // namespace postern
