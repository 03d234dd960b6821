#include "proxy/trailers.hpp"

#include <cstring>
#include <doctest/doctest.h>
#include <memory>
#include <string>

#include "proxy/chunk_machine.hpp"

namespace postern {
namespace {

/// The last chunk for a body whose trailer section is `section`.
std::string last_chunk(std::string_view section) {
  const HeaderRules rules("X-Subject-");
  const auto trailers = std::make_unique<TrailerSection>();
  ChunkMachine machine;
  machine.keep_trailers(trailers->section());
  const std::string body = "0\r\n" + std::string(section) + "\r\n";
  REQUIRE(machine.step(body).status == ChunkStatus::complete);
  return std::string(trailers->last_chunk(machine.trailers().size(), rules));
}

}  // namespace

TEST_CASE("a last chunk without trailers is the plain one") {
  CHECK(last_chunk("") == "0\r\n\r\n");
}

TEST_CASE("what describes nothing but the body just sent may stand in a trailer, byte for byte") {
  CHECK(last_chunk("Digest: sha-256=abc\r\n") == "0\r\nDigest: sha-256=abc\r\n\r\n");
  CHECK(last_chunk("X-Checksum:1\r\ngrpc-status:  0\t\r\nServer-Timing: a;dur=1\r\n") ==
        "0\r\nX-Checksum:1\r\ngrpc-status:  0\t\r\nServer-Timing: a;dur=1\r\n\r\n");
}

TEST_CASE("what frames, routes, authenticates or controls may not, under any alias") {
  for (const std::string_view name : {"Host",
                                      "Content-Length",
                                      "Transfer-Encoding",
                                      "Connection",
                                      "Authorization",
                                      "Cookie",
                                      "Set-Cookie",
                                      "X-Subject-Id",
                                      "x_subject_id",
                                      "X.Subject.Id",
                                      "__X-Subject-Id",
                                      "Trailer",
                                      "TE",
                                      "Upgrade",
                                      "Expect",
                                      "Content-Type",
                                      "content-encoding",
                                      "X-Forwarded-For",
                                      "Forwarded",
                                      "X-Real-IP",
                                      "Content_Length",
                                      "Host_",
                                      "If-Match",
                                      "Cache-Control",
                                      "X-Request-Id",
                                      "traceparent",
                                      "Date",
                                      "Via",
                                      "Location",
                                      "WWW-Authenticate",
                                      "Proxy-Authorization",
                                      "Keep-Alive",
                                      "Sec-WebSocket-Key",
                                      "a_b",
                                      "Range"}) {
    CAPTURE(name);
    CHECK(last_chunk(std::string(name) + ": 1\r\n") == "0\r\n\r\n");
    CHECK(last_chunk("A: 1\r\n" + std::string(name) + ": 1\r\nB: 2\r\n") == "0\r\nA: 1\r\nB: 2\r\n\r\n");
  }
}

TEST_CASE("a section of the greatest length keeps its frame") {
  const std::string section = "A: " + std::string(limits::trailer_bytes_max - 5, 'x') + "\r\n";
  REQUIRE(section.size() == limits::trailer_bytes_max);
  CHECK(last_chunk(section) == "0\r\n" + section + "\r\n");
}

}  // namespace postern
