#include "proxy/json.hpp"

#include "conf/byte_block.hpp"

namespace postern {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// Length of the valid UTF-8 sequence at the front of `text`, or 0 (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

/// What is not printable ASCII, and what is written with a backslash.
BlockMask not_plain(ByteBlock block) noexcept {
  return (block < 0x20) | (block >= 0x7f) | (block == '"') | (block == '\\');
}

void put_escape(TextWriter& out, unsigned char byte) noexcept {
  constexpr char hex[] = "0123456789abcdef";
  const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
  out.put(std::string_view(escape, sizeof escape));
}

void put_escaped(TextWriter& out, std::string_view text) noexcept {
  std::size_t plain = 0;  // bytes that need nothing, copied in one go
  std::size_t i = 0;
  const auto flush = [&] { out.put(text.substr(plain, i - plain)); };
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\') {
      ++i;
      continue;
    }
    const std::size_t length = utf8_length(text.substr(i));
    if (byte >= 0x80 && length > 0) {
      i += length;
      continue;
    }
    flush();
    if (byte == '"' || byte == '\\') {
      out.put('\\');
      out.put(text[i]);
    } else if (byte >= 0x80) {
      out.put(replacement);
    } else {
      put_escape(out, byte);
    }
    plain = ++i;
  }
  flush();
}

}  // namespace

void put_json_string(TextWriter& out, std::string_view text) noexcept {
  out.put('"');
  if (none_in(text, not_plain))
    out.put(text);
  else
    put_escaped(out, text);
  out.put('"');
}

}  // namespace postern
