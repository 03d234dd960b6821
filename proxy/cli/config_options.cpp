#include "proxy/cli/config_options.hpp"

#include <algorithm>

namespace postern::cli {
namespace {

/// "DURATION" for the unit "duration"; units of several words do not fit a placeholder.
std::string placeholder_of(const Option& option) {
  std::string placeholder(option.unit);
  const bool word = !placeholder.empty() && std::all_of(placeholder.begin(), placeholder.end(),
                                                        [](char c) { return c >= 'a' && c <= 'z'; });
  if (!word) return "VALUE";
  for (char& c : placeholder) c = static_cast<char>(c - 'a' + 'A');
  return placeholder;
}

/// "One sentence." → "One sentence (default 10s)"
std::string meaning_of(const Option& option) {
  std::string meaning(option.meaning);
  if (meaning.ends_with('.')) meaning.pop_back();
  if (!option.default_value.empty()) meaning += " (default " + std::string(option.default_value) + ')';
  return meaning;
}

}  // namespace

void declare_config(Arguments& arguments, ConfigSources& sources) {
  arguments.text("--config", "FILE", sources.file,
                 "the configuration; else POSTERN_CONFIG, ./postern.yaml, /etc/postern/postern.yaml");
  for (const Option& option : options()) {
    if (option.flag.empty() || !option.supported()) continue;
    const auto take = [&sources, name = std::string(option.name)](const std::string& given) -> std::string {
      sources.flags.emplace_back(name, given);
      return {};
    };
    arguments.value(std::string(option.flag), placeholder_of(option), take, meaning_of(option),
                    option.value.list);
  }
}

}  // namespace postern::cli
