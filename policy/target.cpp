#include "policy/target.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "conf/byte_block.hpp"

namespace postern::policy {
namespace {

/// What a raw byte means in a path. By table, since `char` is signed on some machines and not on others.
enum class Byte : std::uint8_t {
  bad = 0,     ///< control, space, DEL, >= 0x80, and the delimiters RFC 3986 §3.3 gives a path no use of
  reserved,    ///< sub-delims, ':' and '@': allowed raw, kept escaped when they come escaped
  unreserved,  ///< RFC 3986 §2.3: an escape of it means the same as the byte itself
  percent,
  backslash,
  semicolon,
  hash,
};

constexpr std::array<Byte, 256> byte_table = [] {
  std::array<Byte, 256> table{};
  const auto mark = [&table](std::string_view bytes, Byte as) {
    for (const char byte : bytes) table[static_cast<unsigned char>(byte)] = as;
  };
  mark("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", Byte::unreserved);
  mark("!$&'()*+,=:@", Byte::reserved);
  mark("%", Byte::percent);
  mark("\\", Byte::backslash);
  mark(";", Byte::semicolon);
  mark("#", Byte::hash);
  return table;
}();

Byte byte_of(unsigned char byte) noexcept {
  return byte_table[byte];
}

/// The value of each hex digit plus one; 0 is no digit.
constexpr std::array<std::uint8_t, 256> hex_table = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned i = 0; i < 10; ++i) table['0' + i] = static_cast<std::uint8_t>(i + 1);
  for (unsigned i = 0; i < 6; ++i) {
    table['a' + i] = static_cast<std::uint8_t>(i + 11);
    table['A' + i] = static_cast<std::uint8_t>(i + 11);
  }
  return table;
}();

bool is_hex(unsigned char byte) noexcept {
  return hex_table[byte] != 0;
}

/// The byte that the escape at the front of `text` stands for, or -1 when there is no whole escape.
int unescape(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_table[static_cast<unsigned char>(text[1])];
  const int low = hex_table[static_cast<unsigned char>(text[2])];
  return high == 0 || low == 0 ? -1 : (high - 1) * 16 + (low - 1);
}

/// Watches the decoded bytes of one segment: what no single byte shows.
class SegmentWatch {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  TargetError take(unsigned char byte) noexcept {
    if (const TargetError error = follow_utf8(byte); error != TargetError::none) return error;
    if (const TargetError error = follow_percent(byte); error != TargetError::none) return error;
    only_dots_ = only_dots_ && byte == '.';
    last_ = byte;
    ++size_;
    return TargetError::none;
  }

  /// Of the whole segment, or of a piece of it before an escaped slash.
  TargetError finish() const noexcept {
    if (continuation_ != 0) return TargetError::bad_utf8;
    if (only_dots_ && (size_ == 1 || size_ == 2)) return TargetError::dot_segment;
    if (size_ > 0 && (last_ == '.' || last_ == ' ')) return TargetError::segment_end;
    return TargetError::none;
  }

 private:
  /// Well-formed sequences only (Unicode 15, table 3-7): no overlong form, no surrogate, nothing beyond
  /// U+10FFFF.
  TargetError follow_utf8(unsigned char byte) noexcept {
    if (continuation_ != 0) {
      if (byte < lowest_ || byte > highest_) return TargetError::bad_utf8;
      // U+0080 to U+009F are control characters too; a terminal that shows the log may obey them.
      if (last_ == 0xC2 && byte < 0xA0) return TargetError::encoded_control;
      lowest_ = 0x80;
      highest_ = 0xBF;
      --continuation_;
      return TargetError::none;
    }
    if (byte < 0x80) return TargetError::none;
    if (byte < 0xC2 || byte > 0xF4) return TargetError::bad_utf8;
    continuation_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    lowest_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
    highest_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
    return TargetError::none;
  }

  /// A decoded '%' before two hex digits is refused whatever they spell: an upstream that decodes once more
  /// would see structure in `%252f`, and in `%2561dmin` the name of another rule's literal.
  TargetError follow_percent(unsigned char byte) noexcept {
    if (byte == '%') {
      after_percent_ = 1;
    } else if (after_percent_ != 0) {
      if (!is_hex(byte)) {
        after_percent_ = 0;
      } else if (++after_percent_ == 3) {
        return TargetError::double_escape;
      }
    }
    return TargetError::none;
  }

  std::size_t size_ = 0;
  bool only_dots_ = true;
  unsigned char last_ = 0;
  std::uint8_t continuation_ = 0;  ///< bytes of a UTF-8 sequence still to come
  unsigned char lowest_ = 0x80;    ///< bounds of the next of them
  unsigned char highest_ = 0xBF;
  std::uint8_t after_percent_ = 0;  ///< 1 + hex digits since a decoded '%'; 0 when there is none
};

TargetError raw_error(Byte kind) noexcept {
  switch (kind) {
    case Byte::backslash:
      return TargetError::encoded_slash;
    case Byte::semicolon:
      return TargetError::parameter;
    case Byte::hash:
      return TargetError::fragment;
    default:
      return TargetError::bad_byte;
  }
}

TargetError escaped_error(unsigned char byte) noexcept {
  if (byte < 0x20 || byte == 0x7F) return TargetError::encoded_control;
  if (byte == '/' || byte == '\\') return TargetError::encoded_slash;
  if (byte == ';') return TargetError::parameter;
  return TargetError::none;
}

/// Writes the canonical form of one segment to `out`, which has room for it, and its length to `size`.
TargetError write_segment(std::string_view raw, char* out, std::size_t& size, EncodedSlash slash) noexcept {
  static constexpr char digits[] = "0123456789ABCDEF";
  SegmentWatch watch;
  char* end = out;
  bool in_pieces = false;  // an escaped slash has come
  while (!raw.empty()) {
    auto byte = static_cast<unsigned char>(raw.front());
    Byte kind = byte_of(byte);
    std::size_t taken = 1;
    if (kind == Byte::percent) {
      const int decoded = unescape(raw);
      if (decoded < 0) return TargetError::bad_escape;
      byte = static_cast<unsigned char>(decoded);
      if (byte == '/' && slash == EncodedSlash::keep) {
        if (watch.empty()) return TargetError::empty_segment;
        if (const TargetError error = watch.finish(); error != TargetError::none) return error;
        watch = {};
        in_pieces = true;
        end = std::copy_n("%2F", 3, end);
        raw.remove_prefix(3);
        continue;
      }
      if (const TargetError error = escaped_error(byte); error != TargetError::none) return error;
      kind = byte_of(byte);
      taken = 3;
    } else if (kind != Byte::unreserved && kind != Byte::reserved) {
      return raw_error(kind);
    }
    if (const TargetError error = watch.take(byte); error != TargetError::none) return error;
    if (taken == 1 || kind == Byte::unreserved) {
      *end++ = static_cast<char>(byte);
    } else {
      *end++ = '%';
      *end++ = digits[byte >> 4];
      *end++ = digits[byte & 15];
    }
    raw.remove_prefix(taken);
  }
  if (in_pieces && watch.empty()) return TargetError::empty_segment;
  size = static_cast<std::size_t>(end - out);
  return watch.finish();
}

/// Marks what is neither unreserved nor a slash.
BlockMask not_plain(ByteBlock block) noexcept {
  const ByteBlock folded = block | 0x20;
  const auto letter = (folded >= 'a') & (folded <= 'z');
  const auto dash_dot_slash_digit = (block >= '-') & (block <= '9');
  return ~(letter | dash_dot_slash_digit | (block == '_') | (block == '~'));
}

/// Most paths hold unreserved bytes only and mean what they say: they are copied whole. False when this is
/// another one, or may be refused: then nothing is known.
bool copy_plain(std::string_view raw, char* out, CanonicalPath& path) noexcept {
  if (!none_in(raw, not_plain)) return false;
  std::size_t begin = 1;
  std::uint16_t count = 0;
  for (std::size_t i = 1; i < raw.size(); ++i) {
    if (raw[i] != '/') continue;
    if (i == begin || raw[i - 1] == '.' || count == limits::path_segments_max - 1) return false;
    path.segments[count++] = {static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(i - begin)};
    begin = i + 1;
  }
  if (raw.back() == '.') return false;
  path.segments[count++] = {static_cast<std::uint16_t>(begin),
                            static_cast<std::uint16_t>(raw.size() - begin)};
  std::memcpy(out, raw.data(), raw.size());
  path.text = {out, raw.size()};
  path.segment_count = count;
  return true;
}

}  // namespace

std::string_view to_string(TargetError error) noexcept {
  switch (error) {
    case TargetError::none:
      return "none";
    case TargetError::empty:
      return "empty";
    case TargetError::too_long:
      return "too_long";
    case TargetError::too_deep:
      return "too_deep";
    case TargetError::bad_byte:
      return "bad_byte";
    case TargetError::bad_escape:
      return "bad_escape";
    case TargetError::bad_utf8:
      return "bad_utf8";
    case TargetError::encoded_control:
      return "encoded_control";
    case TargetError::encoded_slash:
      return "encoded_slash";
    case TargetError::dot_segment:
      return "dot_segment";
    case TargetError::empty_segment:
      return "empty_segment";
    case TargetError::parameter:
      return "parameter";
    case TargetError::double_escape:
      return "double_escape";
    case TargetError::segment_end:
      return "segment_end";
    case TargetError::fragment:
      return "fragment";
  }
  return "unknown";
}

TargetError canonical_path(std::string_view raw, std::span<char> out, CanonicalPath& path,
                           EncodedSlash slash) noexcept {
  path.text = {};
  path.segment_count = 0;
  path.has_encoded_slash = false;
  if (raw.empty()) return TargetError::empty;
  // Segments are kept as 16-bit offsets; a head never holds a target near that long
  // (limits::target_bytes_max).
  if (raw.size() > out.size() || raw.size() > std::numeric_limits<std::uint16_t>::max()) {
    return TargetError::too_long;
  }
  if (raw.front() != '/') return TargetError::bad_byte;
  if (copy_plain(raw, out.data(), path)) return TargetError::none;

  std::size_t read = 0;
  std::size_t written = 0;
  std::uint16_t count = 0;
  while (read < raw.size()) {
    if (count == limits::path_segments_max) return TargetError::too_deep;
    out[written++] = raw[read++];  // the '/'
    const std::size_t end = raw.find('/', read);
    const std::string_view segment = raw.substr(read, end == std::string_view::npos ? end : end - read);
    if (segment.empty() && end != std::string_view::npos) return TargetError::empty_segment;
    std::size_t size = 0;
    if (const TargetError error = write_segment(segment, out.data() + written, size, slash);
        error != TargetError::none) {
      return error;
    }
    path.segments[count++] = {static_cast<std::uint16_t>(written), static_cast<std::uint16_t>(size)};
    written += size;
    read += segment.size();
  }
  path.text = {out.data(), written};
  path.segment_count = count;
  // Only there can one be: a slash that was written as it is has ended a segment.
  path.has_encoded_slash = slash == EncodedSlash::keep && path.text.find("%2F") != std::string_view::npos;
  return TargetError::none;
}

bool query_is_clean(std::string_view query) noexcept {
  return std::all_of(query.begin(), query.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte < 0x7F && c != '"' && c != '<' && c != '>' && c != '#';
  });
}

std::string_view decode_segment(std::string_view segment, std::span<char> out) noexcept {
  std::size_t size = 0;
  while (!segment.empty() && size < out.size()) {
    int decoded = unescape(segment);
    if (decoded == '/') decoded = -1;
    out[size++] = decoded < 0 ? segment.front() : static_cast<char>(decoded);
    segment.remove_prefix(decoded < 0 ? 1 : 3);
  }
  return {out.data(), size};
}

}  // namespace postern::policy
