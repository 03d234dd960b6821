// The configuration as data: each option is one line of a table (option_table.cpp), from which parsing,
// validation, environment variables, flags, reload, `postern check` and the reference come.

#pragma once

#include <chrono>
#include <cstdint>
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

struct Option;

/// When a changed value takes effect.
enum class Change : std::uint8_t { reload, restart };

/// The way from an option to its place in Config: the only way in, so that an option can be read exactly when
/// reload can compare and copy it too. Made by the templates of option_value.hpp from a pointer to the
/// member.
struct OptionValue {
  /// Reads a value, replacing what is there. A mistake is a diagnostic at `at`, or at the item of a list.
  void (*read)(const yaml::Node& node, const Position& at, const Option& option, Config& config,
               Diagnostics& diagnostics) = nullptr;
  bool (*same)(const Config& a, const Config& b) = nullptr;
  void (*copy)(const Config& from, Config& to) = nullptr;
  bool list = false;  ///< one value or a list in the file; separated by commas in environment and flags
};

struct Option {
  std::string_view name;             ///< "timeouts.head"; nested keys by '.'
  std::string_view meaning{};        ///< one sentence without a full stop
  std::string_view unit{};           ///< "duration", "bytes", "count", "address", …
  std::string_view default_value{};  ///< as it would be written; empty = none
  std::string_view bounds{};         ///< "10ms to 1h", both included, in the option's unit; empty = none
  Change change = Change::restart;
  bool secret = false;      ///< its value is never printed
  std::string_view flag{};  ///< "--upstream", or empty
  OptionValue value{};      ///< empty: known from the design, refused as "not yet supported"

  [[nodiscard]] constexpr bool supported() const noexcept { return value.read != nullptr; }
};

/// The table, in the order of the reference.
[[nodiscard]] std::span<const Option> options() noexcept;

/// "POSTERN_TIMEOUTS_HEAD" of "timeouts.head".
[[nodiscard]] std::string environment_name(std::string_view option_name);

/// Where values come from. Precedence: flag > environment > file > default.
struct ConfigSources {
  /// Empty: POSTERN_CONFIG, else postern.yaml in the working directory, else /etc/postern/postern.yaml, else
  /// no file. With `dev` only a file that was asked for is read: what is installed on the machine would open
  /// its store and listeners.
  std::string file;
  /// Option name ("upstream") and the text given; a list's option may come several times.
  std::vector<std::pair<std::string, std::string>> flags;
  /// Name and value of variables. Absent: the process's own, read at each load.
  std::optional<std::vector<std::pair<std::string, std::string>>> environment;
  bool dev = false;  ///< --dev
  /// For commands that only open the store: what serving needs (upstream, policy) may be missing.
  bool store_only = false;
};

struct LoadedConfig {
  Config config;
  yaml::Document document;  ///< file empty when there was none
};

/// Reads, merges and validates everything; every mistake is reported, whatever its source. Nothing when there
/// was one. Unknown POSTERN_* variables are mistakes too, with a suggestion. Does not open policy, store or
/// catalog. `document` receives the file in every case, for yaml::render.
[[nodiscard]] std::optional<LoadedConfig> load_config(const ConfigSources& sources, Diagnostics& diagnostics,
                                                      yaml::Document* document = nullptr);

/// The same from a file that was parsed already (sources.file is not looked at; an empty document.file: there
/// is none).
[[nodiscard]] std::optional<Config> read_config(const yaml::Document& document, const ConfigSources& sources,
                                                Diagnostics& diagnostics);

/// Names of the options that differ and need a restart: what a reload must say and leave alone.
[[nodiscard]] std::vector<std::string_view> restart_only_changes(const Config& before, const Config& after);
/// `running` with every reloadable option taken from `loaded`: what a reload puts in force.
[[nodiscard]] Config reloaded(const Config& running, const Config& loaded);

/// The reference in Markdown (`postern config reference`), from the table alone.
[[nodiscard]] std::string config_reference();

/// "10s", "250ms", "5m", "1h30m", "7d" → milliseconds: whole numbers with units from large to small, each at
/// most once. Nothing when malformed, negative, without a unit or beyond 10 years.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;
/// "64GiB", "10MB", "1024" → bytes. Nothing when malformed or beyond 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept;
/// "42" → 42. Digits only; nothing when malformed or beyond 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text) noexcept;
/// "10.0.0.0/8", "::1/128", or an address alone. Host bits beyond the prefix are a mistake (nothing).
[[nodiscard]] std::optional<Network> parse_network(std::string_view text) noexcept;
/// The network `text` lies in when its only mistake is host bits: "10.1.2.3/8" → 10.0.0.0/8, for a
/// suggestion.
[[nodiscard]] std::optional<Network> enclosing_network(std::string_view text) noexcept;
/// Whether a mapped 16-byte address lies in the network.
[[nodiscard]] bool contains(const Network& network, std::span<const std::uint8_t, 16> address) noexcept;
/// "10.0.0.0/8" again.
[[nodiscard]] std::string to_string(const Network& network);
/// "127.0.0.1:8080", "[::1]:8080", "unix:/run/a.sock". Nothing when malformed: a port is needed, the path of
/// a socket is absolute and fits sockaddr_un, a host that looks like an IPv4 address is one.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);
/// Whether only this machine can reach it: 127.0.0.0/8, ::1, "localhost", a Unix socket.
[[nodiscard]] bool is_loopback(const Endpoint& endpoint) noexcept;

/// "0.1.0"
[[nodiscard]] std::string_view version() noexcept;

}  // namespace postern
