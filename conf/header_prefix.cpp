#include <algorithm>

#include "conf/limits.hpp"
#include "conf/option_value.hpp"

namespace postern {
namespace {

/// Fields that frame, route or secure a message, or that upstreams believe. Every name under the prefix is
/// deleted from every request, so none of these may lie under it.
constexpr std::string_view foreign_names[] = {
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "access-control-request-method",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "forwarded",
    "front-end-https",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "keep-alive",
    "last-event-id",
    "last-modified",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "prefer",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "retry-after",
    "sec-fetch-site",
    "sec-websocket-key",
    "server",
    "set-cookie",
    "strict-transport-security",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "www-authenticate",
    "x-b3-traceid",
    "x-content-type-options",
    "x-csrf-token",
    "x-forwarded-for",
    "x-frame-options",
    "x-http-method-override",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
    "x-rewrite-url",
};

/// Families that the forwarding rules own. A prefix inside one would be deleted or believed by their rules,
/// not ours.
constexpr std::string_view foreign_families[] = {"x-forwarded-", "x-original-", "sec-", "proxy-", "content-"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

/// Letters, digits and '-': of the characters a name may hold only those that no server folds into another
/// name.
bool is_prefix(std::string_view folded) {
  if (folded.size() < 2 || folded.size() > limits::header_prefix_bytes_max) return false;
  if (!is_lower(folded.front()) || folded.back() != '-' || folded.find("--") != std::string_view::npos)
    return false;
  return std::all_of(folded.begin(), folded.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

}  // namespace

void read_header_prefix(const Given& given, std::string& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const std::string folded = lower(*text);
  if (!is_prefix(folded)) {
    const bool dash_missing = is_prefix(folded + '-');
    return given.mistake(given.shown() + " is no header prefix",
                         dash_missing ? "did you mean " + quoted(*text + '-') + "?"
                                      : "allowed is " + std::string(given.option.bounds));
  }
  for (const std::string_view name : foreign_names)
    if (name.starts_with(folded))
      return given.mistake(given.shown() + " would swallow the field " + quoted(name));
  for (const std::string_view family : foreign_families)
    if (folded.starts_with(family))
      return given.mistake(given.shown() + " lies among the fields " + quoted(std::string(family) + '*'));
  out = *text;
}

}  // namespace postern
