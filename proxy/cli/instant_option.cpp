#include "proxy/cli/instant_option.hpp"

#include <chrono>

#include "conf/option.hpp"
#include "store/instant.hpp"

namespace postern::cli {

UnixSeconds now() noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::optional<UnixSeconds> instant_of(std::string_view text, UnixSeconds from) noexcept {
  if (text == "never") return 0;
  if (const auto instant = store::parse_instant(text)) return instant;
  const auto duration = parse_duration(text);
  if (!duration || *duration < std::chrono::seconds{1}) return std::nullopt;
  return from + std::chrono::duration_cast<std::chrono::seconds>(*duration).count();
}

Arguments::Take take_instant(std::optional<UnixSeconds>& value) {
  return [&value](const std::string& given) -> std::string {
    value = instant_of(given, now());
    return value ? "" : "\"" + given + "\" is none of: " + std::string(instant_forms);
  };
}

Arguments::Take take_instant(UnixSeconds& value) {
  return [&value](const std::string& given) -> std::string {
    std::optional<UnixSeconds> instant;
    const std::string flaw = take_instant(instant)(given);
    if (instant) value = *instant;
    return flaw;
  };
}

}  // namespace postern::cli
