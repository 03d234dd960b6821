#include "proxy/field_line.hpp"

#include <cstring>

#include "proxy/byte_class.hpp"

namespace postern {
namespace {

constexpr std::uint64_t every_byte(std::uint64_t byte) noexcept {
  return byte * 0x0101010101010101u;
}

/// Whether any of eight bytes is below SP or DEL. HTAB is among them: rare, and the table decides then. A
/// subtraction borrows into its high bit from what is too small; what had that bit already is obs-text.
bool any_control(const char* bytes) noexcept {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  const std::uint64_t below_space = word - every_byte(0x20);
  const std::uint64_t del = (word ^ every_byte(0x7f)) - every_byte(1);
  return ((below_space | del) & ~word & every_byte(0x80)) != 0;
}

const char* find_by_table(const char* begin, const char* end) noexcept {
  while (begin != end && is(*begin, value_byte)) ++begin;
  return begin;
}

}  // namespace

const char* find_non_value_byte(const char* begin, const char* end) noexcept {
  if (end - begin < 8) return find_by_table(begin, end);
  const char* at = begin;
  for (; end - at >= 8; at += 8) {
    if (!any_control(at)) continue;
    const char* found = find_by_table(at, at + 8);
    if (found != at + 8) return found;
  }
  // The last word overlaps the one before it instead of going on byte by byte.
  if (at == end || !any_control(end - 8)) return end;
  return find_by_table(at, end);
}

HeadError read_field_line(const char* buffer, Line line, Field& field) noexcept {
  const char* const begin = buffer + line.begin;
  const char* end = buffer + line.end;

  // The CR at the end is no tchar, so the loop needs no bound.
  const char* at = begin;
  std::uint8_t common = plain_name_byte;
  for (std::uint8_t classes; ((classes = classes_of(*at)) & tchar_byte) != 0; ++at) common &= classes;
  if (at == begin) return is_ows(*at) ? HeadError::folded_field : HeadError::bad_field_name;
  if (*at != ':') return HeadError::bad_field_name;
  field.name = {line.begin, static_cast<std::uint32_t>(at - begin)};
  field.plain = common != 0;
  field.known = field_name({begin, field.name.size});

  ++at;
  while (is_ows(*at)) ++at;
  while (end > at && is_ows(end[-1])) --end;
  if (const char* bad = find_non_value_byte(at, end); bad != end)
    return *bad == '\r' ? HeadError::bad_line_end : HeadError::bad_field_value;
  field.value = {static_cast<std::uint32_t>(at - buffer), static_cast<std::uint32_t>(end - at)};
  return HeadError::none;
}

}  // namespace postern
