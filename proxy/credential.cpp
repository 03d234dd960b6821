#include "proxy/credential.hpp"

#include <algorithm>
#include <array>

#include "conf/byte_block.hpp"
#include "proxy/header_rules.hpp"

namespace postern {
namespace {

using Form = PresentedCredential::Form;

constexpr std::array<bool, 256> token68_table = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : {'-', '.', '_', '~', '+', '/'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

BlockMask no_token68(ByteBlock block) noexcept {
  const ByteBlock folded = block | 0x20;
  const auto letter = (folded >= 'a') & (folded <= 'z');
  const auto digit_dash_dot_slash = (block >= '-') & (block <= '9');
  return ~(letter | digit_dash_dot_slash | (block == '_') | (block == '~') | (block == '+'));
}

/// token68 = 1*( ALPHA / DIGIT / "-._~+/" ) *"=" (RFC 9110 §11.2)
bool is_token68(std::string_view text) noexcept {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  return !text.empty() && none_in(text, no_token68);
}

/// `Basic abc, Bearer xyz` is a list: two readers could choose differently.
bool lists_a_bearer(std::string_view value) noexcept {
  bool found = false;
  for_each_token(value, [&](std::string_view element) {
    if (element.size() > 6 && iequals(element.substr(0, 6), "bearer") &&
        (element[6] == ' ' || element[6] == '\t'))
      found = true;
  });
  return found;
}

/// The value of Authorization: its secret, when it is a bearer's.
Form read_authorization(std::string_view value, std::string_view& secret) noexcept {
  const auto end =
      std::find_if_not(value.begin(), value.end(), [](char byte) { return is(byte, tchar_byte); });
  const std::string_view scheme(value.begin(), end);
  const bool ends = end == value.end() || is_ows(*end) || *end == ',';
  if (scheme.empty() || !ends) return Form::malformed;
  if (!iequals(scheme, "bearer")) return lists_a_bearer(value) ? Form::malformed : Form::other_scheme;
  if (value.size() == scheme.size() || value[scheme.size()] != ' ') return Form::malformed;
  secret = value.substr(scheme.size() + 1);
  return is_token68(secret) ? Form::bearer : Form::malformed;
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && is_ows(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ows(text.back())) text.remove_suffix(1);
  return text;
}

int hex_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  return (digit | 0x20) - 'a' + 10;
}

/// Takes one byte from the front of `text`, an escape decoded. False when the escape is incomplete.
bool take_decoded(std::string_view& text, char& byte) noexcept {
  byte = text.front();
  text.remove_prefix(1);
  if (byte != '%') return true;
  if (text.size() < 2 || !is(text[0], hex_byte) || !is(text[1], hex_byte)) return false;
  byte = static_cast<char>(hex_value(text[0]) * 16 + hex_value(text[1]));
  text.remove_prefix(2);
  return true;
}

/// Whether a parameter's name, decoded once, is `name`.
bool decodes_to(std::string_view text, std::string_view name) noexcept {
  for (const char expected : name) {
    char byte = 0;
    if (text.empty() || !take_decoded(text, byte) || byte != expected) return false;
  }
  return text.empty();
}

/// Whether a parameter of this name stands anywhere behind the first separator of a URL: in its query, in its
/// fragment, and by whatever separator somebody splits them.
bool carries(std::string_view url, std::string_view name) noexcept {
  constexpr std::string_view separators = "?&;#";
  for (std::size_t at = url.find_first_of(separators); at != std::string_view::npos;) {
    url.remove_prefix(at + 1);
    at = url.find_first_of(separators);
    const std::string_view piece = url.substr(0, at);
    if (decodes_to(piece.substr(0, piece.find('=')), name)) return true;
  }
  return false;
}

/// Decodes a parameter's value once, as far as `decoded` holds. Nothing when it is no token68: a raw '+' is
/// none, since half of all readers take it for a space.
std::string_view decoded_value(std::string_view text, DecodedCredential& decoded) noexcept {
  std::size_t size = 0;
  bool padding = false;
  while (!text.empty()) {
    char byte = 0;
    const bool escaped = text.front() == '%';
    if (!take_decoded(text, byte) || (byte == '+' && !escaped)) return {};
    const bool fits = byte == '=' ? size > 0 : !padding && token68_table[static_cast<unsigned char>(byte)];
    if (!fits) return {};
    padding = byte == '=';
    if (size < decoded.size()) decoded[size++] = byte;
  }
  return {decoded.data(), size};
}

/// A list of pieces between separators, where one piece may be a credential.
struct List {
  Slice value;
  char separator;
  std::uint16_t field;  ///< CredentialCut::no_field: the query
};

/// What goes with a piece that is cut: the separator after it, with the blanks behind when it was the first;
/// of the last one the separator before it. All others stay byte for byte.
Slice with_separator(const List& list, const char* buffer, std::uint32_t begin, std::uint32_t end) noexcept {
  const std::uint32_t list_end = list.value.begin + list.value.size;
  if (end == list_end) {
    const std::uint32_t from = begin > list.value.begin ? begin - 1 : begin;
    return {from, end - from};
  }
  ++end;
  if (begin == list.value.begin)
    while (end < list_end && is_ows(buffer[end])) ++end;
  return {begin, end - begin};
}

class Search {
 public:
  Search(const RequestHead& head, const char* buffer, bool handshake, DecodedCredential& decoded,
         CredentialCut& cut) noexcept
      : head_(head), buffer_(buffer), handshake_(handshake), decoded_(decoded), cut_(cut) {}

  void look_in_authorization() noexcept {
    if (!head_.has(FieldName::authorization)) return;
    for (const Field& field : head_.all()) {
      if (field.known != FieldName::authorization) continue;
      ++count_;
      found_.form = read_authorization(field.value.of(buffer_), found_.secret);
      if (found_.form == Form::malformed) malformed_ = true;
    }
  }

  void look_in(const CredentialSource& source) noexcept {
    switch (source.place) {
      case CredentialPlace::authorization:
        break;  // looked at always
      case CredentialPlace::header:
        return look_in_header(source);
      case CredentialPlace::cookie:
        return look_in_fields(source, FieldName::cookie, "cookie", ';');
      case CredentialPlace::websocket_protocol:
        return look_in_fields(source, FieldName::sec_websocket_protocol, "sec-websocket-protocol", ',');
      case CredentialPlace::query:
        if (head_.has_query) look_in_list({head_.query, '&', CredentialCut::no_field}, source);
        drop_referers(source);
    }
  }

  [[nodiscard]] PresentedCredential result(const CredentialSources& sources) const noexcept {
    if (malformed_ || count_ > 1) return {Form::malformed, {}, {}, {}};
    if (count_ == 0 || !sources.accept(found_.place, found_.source)) return {};
    return found_;
  }

 private:
  void found(const CredentialSource& source, std::string_view secret) noexcept {
    ++count_;
    found_ = {Form::bearer, source.place, source.name, secret};
    if (!is_token68(secret)) malformed_ = true;
  }

  void look_in_header(const CredentialSource& source) noexcept {
    for (std::uint16_t i = 0; i < head_.field_count; ++i) {
      const Field& field = head_.fields[i];
      if (field.known == FieldName::connection) refuse_nomination(field, source.name);
      if (field.known != FieldName::other || !is_alias(field.name.of(buffer_), source.name)) continue;
      cut_.dropped.set(i);
      if (iequals(field.name.of(buffer_), source.name)) found(source, field.value.of(buffer_));
    }
  }

  /// Connection would have a credential deleted before it is seen, or only by the next hop.
  void refuse_nomination(const Field& connection, std::string_view name) noexcept {
    for_each_token(connection.value.of(buffer_), [&](std::string_view nominated) {
      if (is_alias(nominated, name)) malformed_ = true;
    });
  }

  /// A page that was asked for with a credential in its query names itself in the requests that it makes.
  void drop_referers(const CredentialSource& source) noexcept {
    for (std::uint16_t i = 0; i < head_.field_count; ++i) {
      const Field& field = head_.fields[i];
      if (field.known != FieldName::other || !iequals(field.name.of(buffer_), "referer")) continue;
      if (carries(field.value.of(buffer_), source.name)) cut_.dropped.set(i);
    }
  }

  void look_in_fields(const CredentialSource& source, FieldName known, std::string_view name,
                      char separator) noexcept {
    for (std::uint16_t i = 0; i < head_.field_count; ++i) {
      const Field& field = head_.fields[i];
      if (field.known == known)
        look_in_list({field.value, separator, i}, source);
      else if (field.known == FieldName::other && is_alias(field.name.of(buffer_), name))
        cut_.dropped.set(i);
    }
  }

  void look_in_list(const List& list, const CredentialSource& source) noexcept {
    const std::uint32_t list_end = list.value.begin + list.value.size;
    for (std::uint32_t begin = list.value.begin; begin <= list_end;) {
      const std::string_view rest(buffer_ + begin, list_end - begin);
      const auto size = static_cast<std::uint32_t>(std::min(rest.find(list.separator), rest.size()));
      if (look_at_piece(rest.substr(0, size), source)) cut(list, begin, begin + size);
      begin += size + 1;
    }
  }

  /// Whether the piece is this source's; then it was found or is malformed.
  bool look_at_piece(std::string_view piece, const CredentialSource& source) noexcept {
    switch (source.place) {
      case CredentialPlace::query: {
        const std::size_t equals = std::min(piece.find('='), piece.size());
        if (!decodes_to(piece.substr(0, equals), source.name)) return false;
        piece.remove_prefix(std::min(equals + 1, piece.size()));
        found(source, decoded_value(piece, decoded_));
        return true;
      }
      case CredentialPlace::cookie: {
        piece = trimmed(piece);
        const std::size_t equals = std::min(piece.find('='), piece.size());
        // `session = x`: some trim the name, some do not. The value's blank is malformed below.
        if (trimmed(piece.substr(0, equals)) != source.name) return false;
        if (equals != source.name.size()) malformed_ = true;
        piece.remove_prefix(std::min(equals + 1, piece.size()));
        found(source, piece);
        return true;
      }
      default: {
        piece = trimmed(piece);
        if (!piece.starts_with(source.name)) return false;
        piece.remove_prefix(source.name.size());
        if (!piece.empty() && piece.front() != '.') return false;
        piece.remove_prefix(std::min<std::size_t>(1, piece.size()));
        found(source, piece);
        if (!handshake_) malformed_ = true;
        return true;
      }
    }
  }

  void cut(const List& list, std::uint32_t begin, std::uint32_t end) noexcept {
    cut_.piece = with_separator(list, buffer_, begin, end);
    cut_.field = list.field;
    cut_.query = list.field == CredentialCut::no_field;
    if (cut_.query) return;
    // A field in which nothing but separators and blanks would be left goes as a whole.
    const std::uint32_t cut_end = cut_.piece.begin + cut_.piece.size;
    for (std::uint32_t at = list.value.begin; at < list.value.begin + list.value.size; ++at) {
      const bool stays = at < cut_.piece.begin || at >= cut_end;
      if (stays && buffer_[at] != list.separator && !is_ows(buffer_[at])) return;
    }
    cut_.dropped.set(list.field);
  }

  const RequestHead& head_;
  const char* buffer_;
  const bool handshake_;
  DecodedCredential& decoded_;
  CredentialCut& cut_;
  int count_ = 0;
  bool malformed_ = false;
  PresentedCredential found_;
};

}  // namespace

bool CredentialSources::accept(CredentialPlace place, std::string_view name) const noexcept {
  const auto sources = accepted();
  return std::any_of(sources.begin(), sources.end(), [&](const CredentialSource& source) {
    return source.place == place && source.name == name;
  });
}

PresentedCredential presented_credential(const RequestHead& head, const char* buffer,
                                         const CredentialSources& sources, bool handshake,
                                         DecodedCredential& decoded, CredentialCut& cut) noexcept {
  Search search(head, buffer, handshake, decoded, cut);
  search.look_in_authorization();
  for (const CredentialSource& source : sources.general) search.look_in(source);
  for (const CredentialSource& source : sources.own)
    if (std::find(sources.general.begin(), sources.general.end(), source) == sources.general.end())
      search.look_in(source);
  return search.result(sources);
}

QueryRest query_without(const RequestHead& head, const char* buffer, const CredentialCut& cut) noexcept {
  const std::string_view query = head.query.of(buffer);
  if (!cut.query) return {query, {}};
  const std::size_t begin = cut.piece.begin - head.query.begin;
  return {query.substr(0, begin), query.substr(begin + cut.piece.size)};
}

}  // namespace postern
