// Bodies as they come out of a buffer, in every framing and cut at every place.

#include "proxy/body_reader.hpp"

#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "tests/proxy/segments.hpp"

using namespace postern;
using namespace postern::test;

namespace {

struct Body {
  Framing framing;
  std::uint64_t length;
};

/// Feeds the segments one after the other as a relay does: read behind what is left, take, hand on.
std::string read_body(Body body, std::string_view bytes, const Cuts& cuts) {
  BodyReader reader;
  reader.begin(body.framing, body.length);
  std::vector<char> buffer(bytes.size() + 1);
  Window window;
  std::string data;
  std::size_t fed = 0;
  for (const std::size_t cut : cuts) {
    if (window.empty()) window.clear();
    const std::string_view segment = bytes.substr(fed, cut - fed);
    std::copy(segment.begin(), segment.end(), buffer.begin() + window.end);
    window.end += static_cast<std::uint32_t>(segment.size());
    fed = cut;
    const BodyReader::Taken taken = reader.take(buffer.data(), window);
    data += taken.data;
    if (taken.malformed) return data + " malformed";
  }
  const std::string left(buffer.data() + window.begin, window.size());
  return data + (reader.finished() ? " finished" : " unfinished") + " left=" + left;
}

std::string told(Body body, std::string_view bytes) {
  return same_however_cut(
      bytes, [body](std::string_view all, const Cuts& cuts) { return read_body(body, all, cuts); });
}

constexpr Body chunked{Framing::chunked, 0};

}  // namespace

TEST_CASE("without a body nothing is taken: what lies there is the next message") {
  CHECK(told({Framing::none, 0}, "GET / ") == " finished left=GET / ");
  CHECK(told({Framing::length, 0}, "GET / ") == " finished left=GET / ");
}

TEST_CASE("a length takes exactly its bytes") {
  CHECK(told({Framing::length, 5}, "hello") == "hello finished left=");
  CHECK(told({Framing::length, 5}, "helloGET") == "hello finished left=GET");
  CHECK(told({Framing::length, 6}, "hello") == "hello unfinished left=");
  CHECK(told({Framing::length, 9223372036854775807u}, "x") == "x unfinished left=");
}

TEST_CASE("until the close everything is body") {
  CHECK(told({Framing::until_close, 0}, "hello\r\n\r\n0") == "hello\r\n\r\n0 unfinished left=");
}

TEST_CASE("chunks are moved together into one piece, extensions and trailers are left out") {
  CHECK(told(chunked, "0\r\n\r\n") == " finished left=");
  CHECK(told(chunked, "5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nX: y\r\n\r\nGET") == "hello! finished left=GET");
  CHECK(told(chunked, "1\r\na\r\n1\r\nb\r\n") == "ab unfinished left=");
  CHECK(told(chunked, "A\r\n0123456789\r\n0\r\n\r\n0\r\n\r\n") == "0123456789 finished left=0\r\n\r\n");
  CHECK(told(chunked, "3\r\n\r\n\r\r\n0\r\n\r\n") == "\r\n\r finished left=");
}

TEST_CASE("a body of one-byte chunks in one buffer comes out whole") {
  std::string bytes;
  std::string data;
  for (int i = 0; i < 500; ++i) {
    const char byte = static_cast<char>('a' + i % 26);
    bytes += std::string("1\r\n") + byte + "\r\n";
    data += byte;
  }
  CHECK(read_body(chunked, bytes + "0\r\n\r\nrest", {bytes.size() + 9}) == data + " finished left=rest");
}

TEST_CASE("a malformed chunk is told, after the data before it") {
  for (const std::string bad :
       {"5\r\nhelloXX", "5\r\nhello\n", "5\r\nhello\r\nx\r\n", "5\r\nhello\r\n0\r\n bad\r\n"}) {
    CAPTURE(bad);
    CHECK(told(chunked, bad) == "hello malformed");
  }
}

TEST_CASE("the end of the stream ends only a body that lasts until then") {
  const auto ends = [](Body body, std::string bytes) {
    BodyReader reader;
    reader.begin(body.framing, body.length);
    Window window{0, static_cast<std::uint32_t>(bytes.size())};
    static_cast<void>(reader.take(bytes.data(), window));
    const bool ended = reader.end_of_stream();
    CHECK(ended == reader.finished());
    return ended;
  };
  CHECK(ends({Framing::until_close, 0}, "x"));
  CHECK(ends({Framing::none, 0}, ""));
  CHECK(ends({Framing::length, 1}, "x"));
  CHECK_FALSE(ends({Framing::length, 2}, "x"));
  CHECK_FALSE(ends(chunked, "1\r\nx\r\n"));
  CHECK_FALSE(ends(chunked, "1\r\nx\r\n0\r\n"));
  CHECK(ends(chunked, "1\r\nx\r\n0\r\n\r\n"));
}

TEST_CASE("no more is wanted than the rest of a length, so that the next message stays in the socket") {
  BodyReader reader;
  reader.begin(Framing::length, 10);
  CHECK(reader.wanted(100) == 10);
  CHECK(reader.wanted(4) == 4);
  char bytes[] = "123456";
  Window window{0, 6};
  CHECK(reader.take(bytes, window).data == "123456");
  CHECK(reader.wanted(100) == 4);
  reader.begin(Framing::chunked, 0);
  CHECK(reader.wanted(100) == 100);
}

TEST_CASE("a reader begins anew after a body that broke off") {
  BodyReader reader;
  reader.begin(Framing::chunked, 0);
  char broken[] = "zz";
  Window window{0, 2};
  CHECK(reader.take(broken, window).malformed);
  reader.begin(Framing::chunked, 0);
  char good[] = "1\r\nx\r\n0\r\n\r\n";
  window = {0, 11};
  CHECK(reader.take(good, window).data == "x");
  CHECK(reader.finished());
}
