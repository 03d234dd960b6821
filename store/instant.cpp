#include "store/instant.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace postern::store {
namespace {

constexpr UnixSeconds instant_max = 253'402'300'799;  // 9999-12-31T23:59:59Z

/// Takes exactly `count` digits from the front of `text`.
std::optional<int> digits(std::string_view& text, std::size_t count) noexcept {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool skip(std::string_view& text, char expected) noexcept {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

/// "Z", "+02:00" or "-05:30" and nothing after it: the seconds east of UTC.
std::optional<UnixSeconds> offset(std::string_view text) noexcept {
  if (text == "Z" || text == "z") return 0;
  const bool west = text.starts_with('-');
  if (!skip(text, west ? '-' : '+')) return std::nullopt;
  const auto hours = digits(text, 2);
  if (!hours || *hours > 23 || !skip(text, ':')) return std::nullopt;
  const auto minutes = digits(text, 2);
  if (!minutes || *minutes > 59 || !text.empty()) return std::nullopt;
  const UnixSeconds seconds = *hours * 3600 + *minutes * 60;
  return west ? -seconds : seconds;
}

}  // namespace

std::optional<UnixSeconds> parse_instant(std::string_view text) noexcept {
  const auto year = digits(text, 4);
  if (!year || !skip(text, '-')) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !skip(text, '-')) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day || *year < 1970) return std::nullopt;

  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  const UnixSeconds midnight = std::chrono::sys_days{date}.time_since_epoch() / std::chrono::seconds{1};
  if (text.empty()) return midnight;

  if (!skip(text, 'T') && !skip(text, 't')) return std::nullopt;
  const auto hour = digits(text, 2);
  if (!hour || *hour > 23 || !skip(text, ':')) return std::nullopt;
  const auto minute = digits(text, 2);
  if (!minute || *minute > 59 || !skip(text, ':')) return std::nullopt;
  const auto second = digits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  const auto east = offset(text);
  if (!east) return std::nullopt;

  const UnixSeconds instant = midnight + *hour * 3600 + *minute * 60 + *second - *east;
  if (instant < 0 || instant > instant_max) return std::nullopt;
  return instant;
}

std::string format_instant(UnixSeconds instant) {
  instant = std::clamp<UnixSeconds>(instant, 0, instant_max);
  const std::chrono::sys_seconds time{std::chrono::seconds{instant}};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

}  // namespace postern::store
