#include "conf/option.hpp"

namespace postern {

std::vector<std::string_view> restart_only_changes(const Config& before, const Config& after) {
  std::vector<std::string_view> names;
  for (const Option& option : options()) {
    const bool fixed = option.supported() && option.change == Change::restart;
    if (fixed && !option.value.same(before, after)) names.push_back(option.name);
  }
  return names;
}

Config reloaded(const Config& running, const Config& loaded) {
  Config config = running;
  for (const Option& option : options())
    if (option.supported() && option.change == Change::reload) option.value.copy(loaded, config);
  return config;
}

}  // namespace postern
