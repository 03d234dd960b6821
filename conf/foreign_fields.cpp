#include "conf/foreign_fields.hpp"

#include <algorithm>
#include <iterator>

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
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
    "x-rewrite-url",
};

/// Families that the forwarding rules own. A prefix inside one would be deleted or believed by their rules,
/// not ours.
constexpr std::string_view foreign_families[] = {
    "x-forwarded-", "x-original-", "x-rewrite-", "x-http-method-", "sec-", "proxy-", "content-"};

}  // namespace

std::string_view foreign_field_under(std::string_view prefix) noexcept {
  for (const std::string_view name : foreign_names)
    if (name.starts_with(prefix)) return name;
  return {};
}

bool is_foreign_field(std::string_view name) noexcept {
  return std::find(std::begin(foreign_names), std::end(foreign_names), name) != std::end(foreign_names);
}

std::string_view foreign_family_of(std::string_view name) noexcept {
  for (const std::string_view family : foreign_families)
    if (name.starts_with(family)) return family;
  return {};
}

}  // namespace postern
