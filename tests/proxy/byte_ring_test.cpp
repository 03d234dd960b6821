// A ring of bytes: whole, in order, or refused.

#include "proxy/byte_ring.hpp"

#include <doctest/doctest.h>
#include <string>
#include <thread>

using namespace postern;

namespace {

std::string drained(ByteRing& ring, int* pieces = nullptr) {
  std::string all;
  ring.drain([&](std::string_view bytes) {
    all += bytes;
    if (pieces) ++*pieces;
  });
  return all;
}

}  // namespace

TEST_CASE("what was put comes out once, in order, over the edge in two pieces") {
  ByteRing ring(4096);
  CHECK_FALSE(ring.drain([](std::string_view) { FAIL("nothing is there"); }));
  CHECK(ring.put("one"));
  CHECK(ring.put("two"));
  CHECK(drained(ring) == "onetwo");
  CHECK(drained(ring).empty());
  CHECK(ring.put(std::string(4000, 'x')));
  CHECK(drained(ring).size() == 4000);
  int pieces = 0;
  const std::string over = std::string(90, 'a') + std::string(90, 'b');
  CHECK(ring.put(over));
  CHECK(drained(ring, &pieces) == over);
  CHECK(pieces == 2);
}

TEST_CASE("what finds no room is refused whole, and the rest stays") {
  ByteRing ring(4096);
  CHECK(ring.put(std::string(4090, 'x')));
  CHECK_FALSE(ring.put("seven b"));
  CHECK(ring.put("six by"));
  CHECK_FALSE(ring.put("x"));
  CHECK(drained(ring) == std::string(4090, 'x') + "six by");
  CHECK(ring.put(std::string(4096, 'y')));
  CHECK_FALSE(ring.put("y"));
}

TEST_CASE("writer and reader at once") {
  ByteRing ring(4096);
  constexpr int count = 20'000;
  std::thread writer([&ring] {
    for (int i = 0; i < count; ++i)
      while (!ring.put(std::to_string(i) + "\n")) std::this_thread::yield();
  });
  std::string expected, all;
  for (int i = 0; i < count; ++i) expected += std::to_string(i) + "\n";
  while (all.size() < expected.size()) all += drained(ring);
  writer.join();
  CHECK(all == expected);
}
