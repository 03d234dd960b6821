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

#include "proxy/head_reader.hpp"
#include "tests/bench/browser_head.hpp"

int main(int argc, char** argv) {
  const long count = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 1000;
  const auto head = std::make_unique<postern::RequestHead>();
  postern::RequestReader reader;
  for (long i = 0; i < count; ++i) {
    reader.reset();
    if (reader.feed(postern::bench::browser_head, *head) != postern::HeadStatus::complete ||
        head->field_count != 8)
      return 1;
  }
  std::printf("%ld heads of %zu bytes\n", count, postern::bench::browser_head.size());
  return 0;
}
