#include "proxy/field_name.hpp"

#include <cstddef>
#include <cstring>

namespace postern {
namespace {

/// Sets the case bit of every byte. Among tchars this maps letters to lower case, leaves digits and '-'
/// alone, and takes nothing else to one of those: the reason why only tokens may be asked about.
template <class Word>
Word folded_word(const char* bytes) noexcept {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return static_cast<Word>(word | static_cast<Word>(0x2020202020202020u));
}

/// Whether the first bytes of `name` are `known` (lower case) in any case. The last word overlaps the one
/// before it, so that no byte beyond the name is read. Everything about `known` is settled at compile time.
template <std::size_t Size>
bool starts_with(const char* name, const char (&known)[Size]) noexcept {
  constexpr std::size_t length = Size - 1;
  if constexpr (length >= 8) {
    for (std::size_t i = 0; i + 8 <= length; i += 8)
      if (folded_word<std::uint64_t>(name + i) != folded_word<std::uint64_t>(known + i)) return false;
    return folded_word<std::uint64_t>(name + length - 8) == folded_word<std::uint64_t>(known + length - 8);
  } else if constexpr (length >= 4) {
    return folded_word<std::uint32_t>(name) == folded_word<std::uint32_t>(known) &&
           folded_word<std::uint32_t>(name + length - 4) == folded_word<std::uint32_t>(known + length - 4);
  } else {
    static_assert(length >= 2);
    return folded_word<std::uint16_t>(name) == folded_word<std::uint16_t>(known) &&
           folded_word<std::uint16_t>(name + length - 2) == folded_word<std::uint16_t>(known + length - 2);
  }
}

FieldName by_length(const char* name, std::size_t length) noexcept {
  using enum FieldName;
  switch (length) {
    case 2:
      return starts_with(name, "te") ? te : other;
    case 3:
      return starts_with(name, "via") ? via : other;
    case 4:
      if (starts_with(name, "host")) return host;
      return starts_with(name, "date") ? date : other;
    case 6:
      if (starts_with(name, "cookie")) return cookie;
      if (starts_with(name, "expect")) return expect;
      return starts_with(name, "server") ? server : other;
    case 7:
      if (starts_with(name, "upgrade")) return upgrade;
      return starts_with(name, "trailer") ? trailer : other;
    case 9:
      if (starts_with(name, "x-real-ip")) return x_real_ip;
      return starts_with(name, "forwarded") ? forwarded : other;
    case 10:
      if (starts_with(name, "connection")) return connection;
      if (starts_with(name, "tracestate")) return tracestate;
      return starts_with(name, "keep-alive") ? keep_alive : other;
    case 11:
      return starts_with(name, "traceparent") ? traceparent : other;
    case 12:
      return starts_with(name, "x-request-id") ? x_request_id : other;
    case 13:
      if (starts_with(name, "authorization")) return authorization;
      return starts_with(name, "x-rewrite-url") ? x_rewrite_url : other;
    case 14:
      if (starts_with(name, "content-length")) return content_length;
      return starts_with(name, "http2-settings") ? http2_settings : other;
    case 16:
      return starts_with(name, "proxy-connection") ? proxy_connection : other;
    case 17:
      if (starts_with(name, "transfer-encoding")) return transfer_encoding;
      return starts_with(name, "sec-websocket-key") ? sec_websocket_key : other;
    case 18:
      return starts_with(name, "proxy-authenticate") ? proxy_authenticate : other;
    case 19:
      return starts_with(name, "proxy-authorization") ? proxy_authorization : other;
    case 20:
      return starts_with(name, "sec-websocket-accept") ? sec_websocket_accept : other;
    case 21:
      return starts_with(name, "sec-websocket-version") ? sec_websocket_version : other;
    case 22:
      if (starts_with(name, "sec-websocket-protocol")) return sec_websocket_protocol;
      return starts_with(name, "x-http-method-override") ? x_http_method_override : other;
    default:
      return other;
  }
}

}  // namespace

FieldName field_name(std::string_view token) noexcept {
  const char* name = token.data();
  const std::size_t length = token.size();
  if (length >= 11 && (name[0] | 0x20) == 'x') {
    if (length >= 12 && starts_with(name, "x-forwarded-")) return FieldName::x_forwarded;
    if (starts_with(name, "x-original-")) return FieldName::x_original;
  }
  return by_length(name, length);
}

}  // namespace postern
