#include "proxy/field_line.hpp"

#include "conf/byte_block.hpp"
#include "proxy/byte_class.hpp"

namespace postern {
namespace {

/// Below SP, or DEL. HTAB is among them: rare, and the table decides then.
BlockMask controls(ByteBlock block) noexcept {
  return (block < 0x20) | (block == 0x7f);
}

BlockMask letters_digits_dashes(ByteBlock block) noexcept {
  const ByteBlock folded = block | 0x20;
  return ((folded >= 'a') & (folded <= 'z')) | ((block >= '0') & (block <= '9')) | (block == '-');
}

/// How many letters, digits and dashes `begin` starts with: all of them, or 0 when that is not known after
/// one look.
std::size_t plain_name_size(const char* begin, const char* line_end) noexcept {
  if (line_end - begin < static_cast<std::ptrdiff_t>(block_bytes)) return 0;
  const std::size_t size = first_of(~letters_digits_dashes(load_block(begin)));
  return size < block_bytes ? size : 0;
}

}  // namespace

const char* find_non_value_byte(const char* begin, const char* end) noexcept {
  const std::string_view text(begin, static_cast<std::size_t>(end - begin));
  if (none_in(text, controls)) return end;
  while (begin != end && is(*begin, value_byte)) ++begin;
  return begin;
}

HeadError read_field_line(const char* buffer, Line line, Field& field) noexcept {
  const char* const begin = buffer + line.begin;
  const char* end = buffer + line.end;

  // The CR at the end is no tchar, so the loop needs no bound.
  const char* at = begin + plain_name_size(begin, end);
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
