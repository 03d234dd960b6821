#include "conf/option.hpp"

#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "conf/environment.hpp"

using namespace postern;

namespace {

/// A value of each supported option that is not its default.
const std::map<std::string_view, std::string> other_values = {
    {"listen", "127.0.0.1:1"},
    {"tls.certificate", "other.pem"},
    {"tls.key", "other.pem"},
    {"tls.certificates", "other.pem"},
    {"tls.client_ca", "other.pem"},
    {"tls.client_certificate", "optional"},
    {"upstream", "http://other:1"},
    {"upstreams", "{other: {url: http://other:1}}"},
    {"preserve_host", "false"},
    {"store", "/other"},
    {"store.mode", "declared"},
    {"store_size_max", "2GiB"},
    {"policy", "other.yaml"},
    {"catalog", "other.yaml"},
    {"admin.listen", "127.0.0.1:2"},
    {"handover", "/run/other.sock"},
    {"metrics.listen", "127.0.0.1:3"},
    {"headers.prefix", "X-Other-"},
    {"headers.permissions", "true"},
    {"headers.token_expires", "true"},
    {"realm", "other"},
    {"tokens.disable_on_reuse", "true"},
    {"token_prefix", "other_"},
    {"credentials", "cookie:session"},
    {"trusted_proxies", "10.0.0.0/8"},
    {"timeouts.head", "1s"},
    {"timeouts.body", "1s"},
    {"timeouts.idle", "1s"},
    {"timeouts.connect", "1s"},
    {"timeouts.response", "1s"},
    {"timeouts.drain", "1s"},
    {"timeouts.drain_delay", "1s"},
    {"limits.body", "1MiB"},
    {"limits.connections", "1"},
    {"limits.upstream_connections", "1"},
    {"limits.requests_per_connection", "1"},
    {"limits.head", "1KiB"},
    {"limits.target", "1KiB"},
    {"limits.fields", "10"},
    {"limits.connections_per_client", "1"},
    {"limits.requests_in_flight", "1"},
    {"limits.auth_failures_per_minute", "1"},
    {"limits.body_rate_min", "1"},
    {"streams.recheck", "1s"},
    {"shards", "1"},
    {"log.access", "off"},
    {"log.level", "debug"},
    {"tracing.endpoint", "http://127.0.0.1:4318/v1/traces"},
    {"tracing.sample_percent", "1"},
    {"tracing.service_name", "other"},
};

/// The smallest configuration, with one option set by a flag.
Config config_with(std::string_view option, const std::string& value, bool with_tls = false) {
  ConfigSources sources;
  sources.environment = Variables{};
  sources.flags = {{"upstream", "http://127.0.0.1:3000"}, {"policy", "p.yaml"}, {"catalog", "c.yaml"}};
  if (with_tls)
    sources.flags.insert(sources.flags.end(), {{"tls.certificate", "c.pem"}, {"tls.client_ca", "ca.pem"}});
  Diagnostics diagnostics;
  yaml::Document file;
  if (value.starts_with('{'))  // only the file can hold it
    file = yaml::parse("f", std::string(option) + ": " + value, diagnostics);
  else if (!option.empty())
    sources.flags.emplace_back(option, value);
  auto config = read_config(file, sources, diagnostics);
  CAPTURE(diagnostics.render(nullptr, nullptr));
  REQUIRE(config.has_value());
  return *config;
}

bool is_number(const Option& option) {
  return option.unit == "duration" || option.unit == "bytes" || option.unit == "count";
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("each option has a name, a meaning and, when supported, a unit") {
  std::set<std::string_view> names;
  std::set<std::string> variables;
  std::set<std::string_view> flags;
  for (const Option& option : options()) {
    CAPTURE(std::string(option.name));
    CHECK(names.insert(option.name).second);
    CHECK(variables.insert(environment_name(option.name)).second);
    CHECK((option.flag.empty() || flags.insert(option.flag).second));
    CHECK_FALSE(option.meaning.empty());
    CHECK_FALSE(option.meaning.ends_with('.'));
    CHECK(option.meaning.find('|') == std::string_view::npos);  // would break the reference's table
    CHECK((option.unit.empty() == !option.supported()));
    // Else a service called "postern" in Kubernetes would set it.
    CHECK_FALSE(is_service_variable(environment_name(option.name)));
  }
  CHECK(environment_name("timeouts.head") == "POSTERN_TIMEOUTS_HEAD");
  CHECK_FALSE(variables.contains(std::string(config_file_variable)));
}

TEST_CASE("the bounds of a number are two values that its own unit reads, and hold its default") {
  for (const Option& option : options()) {
    if (!is_number(option)) continue;
    const std::size_t middle = option.bounds.find(" to ");
    const std::string_view unit = option.unit;
    CAPTURE(std::string(option.name));
    REQUIRE(middle != std::string_view::npos);
    const auto number = [&](std::string_view text) -> std::uint64_t {
      if (unit == "duration") return static_cast<std::uint64_t>(parse_duration(text).value().count());
      return unit == "bytes" ? parse_bytes(text).value() : parse_count(text).value();
    };
    CHECK(number(option.bounds.substr(0, middle)) <= number(option.default_value));
    CHECK(number(option.default_value) <= number(option.bounds.substr(middle + 4)));
    if (unit == "count") CHECK(number(option.bounds.substr(middle + 4)) <= UINT32_MAX);
  }
}

TEST_CASE("both bounds of a number belong to it") {
  for (const Option& option : options()) {
    if (!is_number(option)) continue;
    const std::size_t middle = option.bounds.find(" to ");
    CAPTURE(std::string(option.name));
    (void)config_with(option.name, std::string(option.bounds.substr(0, middle)));
    (void)config_with(option.name, std::string(option.bounds.substr(middle + 4)));
  }
}

TEST_CASE("a change of any option is seen, and only reloadable ones are put in force by a reload") {
  const Config before = config_with("", "", true);  // what can be said of TLS needs a certificate
  CHECK(restart_only_changes(before, before).empty());
  for (const Option& option : options()) {
    if (!option.supported()) continue;
    CAPTURE(std::string(option.name));
    const auto other = other_values.find(option.name);
    REQUIRE_MESSAGE(other != other_values.end(), "give the new option a value in other_values");
    const Config after = config_with(option.name, other->second, true);
    CHECK_FALSE(option.value.same(before, after));
    const Config running = reloaded(before, after);
    const auto pending = restart_only_changes(running, after);
    if (option.change == Change::reload) {
      CHECK(option.value.same(running, after));
      CHECK(pending.empty());
    } else {
      CHECK(option.value.same(running, before));
      REQUIRE(pending.size() == 1);
      CHECK(pending[0] == option.name);
    }
    // Nothing else moved with it.
    for (const Option& same : options())
      if (same.supported() && same.name != option.name) CHECK(same.value.same(before, after));
  }
}

TEST_CASE("the reference is the one under version control") {
  // Rewritten by: POSTERN_UPDATE_GOLDEN=1 conf_tests
  const std::string path = POSTERN_SOURCE_DIR "/tests/conf/config_reference.golden.md";
  if (std::getenv("POSTERN_UPDATE_GOLDEN") != nullptr)
    std::ofstream(path, std::ios::binary) << config_reference();
  CHECK(config_reference() == read_file(path));
}

TEST_CASE("the reference names every option once") {
  const std::string reference = config_reference();
  for (const Option& option : options()) {
    CAPTURE(std::string(option.name));
    const std::string row = "\n| `" + std::string(option.name) + "` |";
    const std::size_t at = reference.find(row);
    CHECK(at != std::string::npos);
    CHECK(reference.find(row, at + 1) == std::string::npos);
  }
}

TEST_CASE("the version has three numbers") {
  CHECK(std::count(version().begin(), version().end(), '.') == 2);
  CHECK(version().find_first_not_of("0123456789.") == std::string_view::npos);
}
