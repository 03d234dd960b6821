#include "proxy/field_name.hpp"

#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

#include "proxy/byte_class.hpp"

using namespace postern;
using enum FieldName;

namespace {

const std::vector<std::pair<std::string, FieldName>> known_names = {
    {"Host", host},
    {"Connection", connection},
    {"Content-Length", content_length},
    {"Transfer-Encoding", transfer_encoding},
    {"Expect", expect},
    {"Upgrade", upgrade},
    {"TE", te},
    {"Trailer", trailer},
    {"Keep-Alive", keep_alive},
    {"Proxy-Connection", proxy_connection},
    {"Authorization", authorization},
    {"Proxy-Authorization", proxy_authorization},
    {"Proxy-Authenticate", proxy_authenticate},
    {"Cookie", cookie},
    {"Date", date},
    {"Via", via},
    {"Server", server},
    {"X-Request-Id", x_request_id},
    {"traceparent", traceparent},
    {"tracestate", tracestate},
    {"Forwarded", forwarded},
    {"X-Real-IP", x_real_ip},
    {"X-Rewrite-URL", x_rewrite_url},
    {"X-HTTP-Method-Override", x_http_method_override},
    {"HTTP2-Settings", http2_settings},
    {"Sec-WebSocket-Key", sec_websocket_key},
    {"Sec-WebSocket-Version", sec_websocket_version},
    {"Sec-WebSocket-Accept", sec_websocket_accept},
};

/// What the recogniser must say, without its tricks.
FieldName expected(const std::string& name) {
  for (const auto& [known, id] : known_names)
    if (iequals(name, known)) return id;
  if (iequals(name.substr(0, 12), "X-Forwarded-")) return x_forwarded;
  if (iequals(name.substr(0, 11), "X-Original-")) return x_original;
  return other;
}

}  // namespace

TEST_CASE("a field name is recognised in any case, and nothing near it is") {
  std::vector<std::string> names = {"X-Forwarded-For",
                                    "X-Forwarded-",
                                    "X-Forwarded-Anything-At-All",
                                    "X-Original-URL",
                                    "X-Original-",
                                    "X-Forwarded",
                                    "X-Original",
                                    "X",
                                    "Content_Length",
                                    "Content",
                                    "X-Forwarded_For"};
  for (const auto& [name, id] : known_names) names.push_back(name);
  for (const std::string& name : names) {
    std::string upper = name;
    std::string lower = name;
    for (char& byte : upper) byte = byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 32) : byte;
    for (char& byte : lower) byte = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
    CAPTURE(name);
    CHECK(field_name(name) == expected(name));
    CHECK(field_name(upper) == expected(name));
    CHECK(field_name(lower) == expected(name));
    CHECK(field_name(name + "s") == expected(name + "s"));
    CHECK(field_name(name.substr(1)) == expected(name.substr(1)));
    // Every other tchar at every place: setting the case bit must not make an alias of anything.
    for (std::size_t at = 0; at < name.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string changed = name;
        changed[at] = static_cast<char>(value);
        if (is_token(changed)) CHECK(field_name(changed) == expected(changed));
      }
    }
  }
}

TEST_CASE("no byte beyond a name is looked at") {
  // A CR with its case bit set is a '-'.
  CHECK(field_name(std::string_view("X-Forwarded\r\n").substr(0, 11)) == other);
  CHECK(field_name(std::string_view("X-Original\r\n").substr(0, 10)) == other);
}

TEST_CASE("tokens and case-insensitive comparison") {
  CHECK(is_token("a-Z!#$%&'*+.^_`|~09"));
  for (const char* text : {"", "a b", "a:", "a,b", "\"a\"", "a\xe9", "a(b)", "a/b", "a@b", "a\x7f"})
    CHECK_FALSE(is_token(text));
  CHECK(iequals("Transfer-Encoding", "tRANSFER-eNCODING"));
  CHECK_FALSE(iequals("a_", "a\x7f"));
  CHECK_FALSE(iequals("@", "`"));
  CHECK_FALSE(iequals("[", "{"));
  CHECK_FALSE(iequals("a", "ab"));
}
