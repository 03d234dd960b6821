// Numbers with units, as an operator writes them.

#include <charconv>

#include "conf/option.hpp"

namespace postern {
namespace {

constexpr std::chrono::milliseconds duration_max = std::chrono::hours(24 * 365 * 10);

/// The digits at the front of `text`, removed from it. Nothing when there are none or they overflow.
std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

/// The unit that is exactly `name`, or null pointer.
const Unit* find_unit(std::span<const Unit> units, std::string_view name) noexcept {
  for (const Unit& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

}  // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) noexcept {
  const auto number = take_number(text);
  return text.empty() ? number : std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  static constexpr Unit units[] = {
      {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
  const auto limit = static_cast<std::uint64_t>(duration_max.count());
  std::uint64_t total = 0;
  std::uint64_t smallest = UINT64_MAX;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto number = take_number(text);
    const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
    text.remove_prefix(name.size());
    const Unit* unit = find_unit(units, name);
    if (!number || unit == nullptr || unit->factor >= smallest) return std::nullopt;
    smallest = unit->factor;
    if (*number > (limit - total) / unit->factor) return std::nullopt;
    total += *number * unit->factor;
  }
  return std::chrono::milliseconds(total);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept {
  static constexpr std::uint64_t k = 1000;
  static constexpr std::uint64_t ki = 1024;
  static constexpr Unit units[] = {
      {"", 1},
      {"B", 1},
      {"kB", k},
      {"KB", k},
      {"MB", k * k},
      {"GB", k * k * k},
      {"TB", k * k * k * k},
      {"KiB", ki},
      {"MiB", ki * ki},
      {"GiB", ki * ki * ki},
      {"TiB", ki * ki * ki * ki},
  };
  const auto number = take_number(text);
  const Unit* unit = find_unit(units, text);
  if (!number || unit == nullptr || *number > UINT64_MAX / unit->factor) return std::nullopt;
  return *number * unit->factor;
}

}  // namespace postern
