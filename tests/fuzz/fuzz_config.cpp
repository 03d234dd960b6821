// The configuration from text to values: the YAML reader, the option table, the rendering of mistakes.
// Whatever the text is, there are mistakes or a configuration, never both and never neither, and every place
// lies inside the text.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "conf/option.hpp"

using namespace postern;

namespace {

/// A place without a line, or a line that the text has. Broken syntax may be noticed at its end, one line
/// below the last.
bool lies_inside(const Position& position, std::string_view text) {
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  return position.line == 0 ? position.column == 0 : position.line <= lines + 1 && position.column > 0;
}

/// Places of a tree come in file order and are never nothing.
void check_places(const yaml::Node& node, std::string_view text) {
  POSTERN_CHECK(node.line > 0 && lies_inside({"", node.line, node.column}, text));
  for (const yaml::Node& item : node.items) check_places(item, text);
  for (const yaml::Entry& entry : node.entries) {
    POSTERN_CHECK(node.find(entry.key) == &entry.value);  // keys are unique
    check_places(entry.value, text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics;
  const yaml::Document document = yaml::parse("f", text, diagnostics);
  if (document.root.kind != yaml::Kind::null) check_places(document.root, document.text);

  ConfigSources sources;
  sources.environment.emplace();  // the machine's own would make runs differ
  const auto config = read_config(document, sources, diagnostics);
  POSTERN_CHECK(config.has_value() == diagnostics.empty());
  for (const Diagnostic& item : diagnostics.items()) POSTERN_CHECK(lies_inside(item.position, document.text));
  POSTERN_CHECK(diagnostics.empty() == yaml::render(diagnostics, {&document}).empty());

  if (config) {
    POSTERN_CHECK(!config->listen.empty() && !config->policy.empty() && !config->header_prefix.empty());
    POSTERN_CHECK(restart_only_changes(*config, *config).empty());
  }

  // The same bytes as a value from outside the file.
  if (text.find('\0') == std::string::npos) {
    sources.flags = {{"upstream", "http://a"}, {"policy", "p"}};
    for (const std::string_view name :
         {"POSTERN_LISTEN", "POSTERN_UPSTREAM", "POSTERN_TRUSTED_PROXIES", "POSTERN_TIMEOUTS_HEAD",
          "POSTERN_STORE_SIZE_MAX", "POSTERN_HEADERS_PREFIX"})
      sources.environment->emplace_back(name, text);
    Diagnostics of_environment;
    const auto from_environment = read_config({}, sources, of_environment);
    POSTERN_CHECK(from_environment.has_value() == of_environment.empty());
  }
  return 0;
}
