#include "proxy/cli/config_options.hpp"

namespace postern::cli {
namespace {

char upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// "DURATION" for the unit "duration".
std::string placeholder_of(const Option& option) {
  std::string placeholder(option.unit);
  for (char& c : placeholder) c = upper(c);
  return placeholder.empty() ? "VALUE" : placeholder;
}

/// "Where clients connect" → "where clients connect (default 127.0.0.1:8080)"
std::string meaning_of(const Option& option) {
  std::string meaning(option.meaning);
  // As the other options' meanings are written; not for an abbreviation.
  if (meaning.size() > 1 && upper(meaning[1]) != meaning[1]) meaning[0] = lower(meaning[0]);
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
