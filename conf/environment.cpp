#include "conf/environment.hpp"

#include <algorithm>
#include <unistd.h>

namespace postern {

std::string environment_name(std::string_view option_name) {
  std::string name(environment_prefix);
  for (const char c : option_name) {
    if (c == '.')
      name += '_';
    else
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

Variables postern_variables(const ConfigSources& sources) {
  Variables variables;
  if (sources.environment) {
    variables = *sources.environment;
  } else {
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
      const std::string_view text = *entry;
      const std::size_t equals = text.find('=');
      if (equals == std::string_view::npos) continue;
      variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  std::erase_if(variables,
                [](const auto& variable) { return !variable.first.starts_with(environment_prefix); });
  std::sort(variables.begin(), variables.end());
  return variables;
}

bool is_service_variable(std::string_view name) noexcept {
  // Every pod in a namespace with a service "postern" is given POSTERN_SERVICE_HOST,
  // POSTERN_SERVICE_PORT_HTTP, POSTERN_PORT and POSTERN_PORT_8080_TCP_ADDR, whether it wants them or not.
  // Refusing them would keep the sidecar from starting as soon as somebody makes the service. No option's
  // name looks like them (a test holds that).
  if (!name.starts_with(environment_prefix)) return false;
  name.remove_prefix(environment_prefix.size() - 1);  // the '_' stays: "_PORT" of POSTERN_PORT
  if (name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT")) return true;
  if (name.find("_SERVICE_PORT_") != std::string_view::npos) return true;

  constexpr std::string_view port = "_PORT_";
  for (std::size_t at = name.find(port); at != std::string_view::npos; at = name.find(port, at + 1)) {
    const std::string_view rest = name.substr(at + port.size());
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const std::string_view protocol = rest.substr(digits);
    const bool known =
        protocol.starts_with("_TCP") || protocol.starts_with("_UDP") || protocol.starts_with("_SCTP");
    if (digits > 0 && known) return true;
  }
  return false;
}

const Option* option_of_variable(std::string_view name) {
  for (const Option& option : options())
    if (environment_name(option.name) == name) return &option;
  for (const Option& option : options())
    if (!option.supported() && name.starts_with(environment_name(option.name) + '_')) return &option;
  return nullptr;
}

std::string suggest_variable(std::string_view name) {
  std::vector<std::string> names{std::string(config_file_variable)};
  for (const Option& option : options())
    if (option.supported()) names.push_back(environment_name(option.name));
  return did_you_mean(name, {names.begin(), names.end()});
}

}  // namespace postern
