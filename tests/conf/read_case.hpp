// A configuration read from texts, and what it is refused for.

#pragma once

#include <doctest/doctest.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conf/environment.hpp"
#include "conf/option.hpp"

namespace postern::test {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// A configuration and everything that can give it values, read without touching the machine.
struct Case {
  std::string file;
  Pairs environment = {};
  Pairs flags = {};
  bool dev = false;
  bool store_only = false;
};

struct Read {
  std::optional<Config> config;
  std::vector<std::string> mistakes;  ///< "place: message; suggestion"
};

inline Read read(const Case& given) {
  ConfigSources sources;
  sources.environment = given.environment;
  sources.flags = given.flags;
  sources.dev = given.dev;
  sources.store_only = given.store_only;
  Diagnostics diagnostics;
  const yaml::Document document = yaml::parse("f", given.file, diagnostics);
  Read read{read_config(document, sources, diagnostics), {}};
  for (const Diagnostic& item : diagnostics.items())
    read.mistakes.push_back(item.position.to_string() + ": " + item.message +
                            (item.suggestion.empty() ? "" : "; " + item.suggestion));
  CHECK(read.config.has_value() == diagnostics.empty());
  return read;
}

/// What is given, and the mistake it is.
struct Refusal {
  std::string given, mistake;
};

/// The smallest file, and more lines.
inline std::string with(const std::string& lines) {
  return "upstream: http://127.0.0.1:3000\npolicy: p.yaml\n" + lines;
}

inline Config config_of(const Case& given) {
  Read result = read(given);
  for (const std::string& mistake : result.mistakes) FAIL_CHECK(mistake);
  REQUIRE(result.config.has_value());
  return std::move(*result.config);
}

/// The only mistake of lines added to the smallest file, without its place.
inline std::string mistake_of(const std::string& lines) {
  const Read result = read({with(lines)});
  REQUIRE(result.mistakes.size() == 1);
  return result.mistakes[0].substr(result.mistakes[0].find(": ") + 2);
}

}  // namespace postern::test
