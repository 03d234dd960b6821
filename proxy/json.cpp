#include "proxy/json.hpp"

#include <cstring>

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

/// Whether eight bytes need no escape: printable ASCII without quote and backslash.
bool plain_word(const char* bytes) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101u;
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  const std::uint64_t below_space = word - ones * 0x20;
  const std::uint64_t quote = (word ^ ones * '"') - ones;
  const std::uint64_t backslash = (word ^ ones * '\\') - ones;
  const std::uint64_t del = (word ^ ones * 0x7F) - ones;
  return ((below_space | quote | backslash | del | word) & ones * 0x80) == 0;
}

void put_escape(TextWriter& out, unsigned char byte) noexcept {
  constexpr char hex[] = "0123456789abcdef";
  const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
  out.put(std::string_view(escape, sizeof escape));
}

/// The whole of a text, the last word overlapping the one before it.
bool all_plain(std::string_view text) noexcept {
  if (text.size() < 8) {
    char padded[8] = {' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
    std::memcpy(padded, text.data(), text.size());
    return plain_word(padded);
  }
  for (std::size_t i = 0; i + 8 < text.size(); i += 8)
    if (!plain_word(text.data() + i)) return false;
  return plain_word(text.data() + text.size() - 8);
}

void put_escaped(TextWriter& out, std::string_view text) noexcept {
  std::size_t plain = 0;  // bytes that need nothing, copied in one go
  std::size_t i = 0;
  const auto flush = [&] { out.put(text.substr(plain, i - plain)); };
  while (i < text.size()) {
    if (text.size() - i >= 8 && plain_word(text.data() + i)) {
      i += 8;
      continue;
    }
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
  if (text.empty() || all_plain(text))
    out.put(text);
  else
    put_escaped(out, text);
  out.put('"');
}

}  // namespace postern
