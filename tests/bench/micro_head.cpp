// Instructions for one request head, without the noise of a clock: a browser's head of 443 bytes with 8
// fields, read COUNT times.
//
//     valgrind --tool=callgrind --callgrind-out-file=/dev/null micro_head 1000
//     valgrind --tool=callgrind --callgrind-out-file=/dev/null micro_head 2000
//
// The difference of the two totals, divided by 1000, is the cost of one head: what the process needs to start
// is in both. tests/bench/micro_head.py does this and compares with the bound.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "proxy/head_reader.hpp"

int main(int argc, char** argv) {
  constexpr std::string_view bytes =
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
  static_assert(bytes.size() == 443);

  const long count = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 1000;
  const auto head = std::make_unique<postern::RequestHead>();
  postern::RequestReader reader;
  for (long i = 0; i < count; ++i) {
    reader.reset();
    if (reader.feed(bytes, *head) != postern::HeadStatus::complete || head->field_count != 8) return 1;
  }
  std::printf("%ld heads of %zu bytes\n", count, bytes.size());
  return 0;
}
