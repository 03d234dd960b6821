// The request of the benchmark: a browser's, 443 bytes and 8 fields, as load.cpp sends it.

#pragma once

#include <string_view>

namespace postern::bench {

inline constexpr std::string_view browser_head =
    "GET /api/v1/orders/4711/items?fields=id,name,price&limit=50 HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: application/json, */*\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Authorization: Bearer pst_0123456789abcdefghijABCDEFGHIJkl3k9Zq1\r\n"
    "Connection: keep-alive\r\n"
    "X-Request-Id: 7d1c0f9e5b2a4c3d8e6f\r\n"
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
    "\r\n";
static_assert(browser_head.size() == 443);

/// Stands in it where a token of its size may stand instead.
inline constexpr std::string_view browser_token = "pst_0123456789abcdefghijABCDEFGHIJkl3k9Zq1";

}  // namespace postern::bench
