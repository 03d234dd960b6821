// Heads as they leave us, byte by byte.

#include "proxy/head_writer.hpp"

#include <vector>

#include "tests/proxy/heads.hpp"

using namespace postern;
using namespace postern::test;

namespace {

const HeaderRules rules("X-Subject-");

/// What every example has in common.
RequestRewrite plain_rewrite() {
  RequestRewrite rewrite;
  rewrite.path = "/";
  rewrite.host = "h";
  rewrite.client_address = "192.0.2.7";
  rewrite.request_id = "r1";
  rewrite.traceparent = "00-t";
  rewrite.subject_block = "X-Subject-Type: anonymous\r\n";
  return rewrite;
}

std::string written(const ReadRequest& request, const RequestRewrite& rewrite) {
  char bytes[32 * 1024];
  TextWriter out(bytes);
  const RewriteError error = write_request_head(request.head(), request.buffer(), rules, rewrite, out);
  if (error == RewriteError::ambiguous_field) return "ambiguous";
  if (error == RewriteError::too_long) return "too long";
  return std::string(out.view());
}

/// The facts that follow the client's own fields when nobody is trusted.
const std::string facts =
    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n"
    "X-Request-Id: r1\r\ntraceparent: 00-t\r\nX-Subject-Type: anonymous\r\n";
const std::string start = "GET / HTTP/1.1\r\nHost: h\r\n";

std::string answered(const ReadResponse& response, ResponseRewrite rewrite) {
  char bytes[32 * 1024];
  TextWriter out(bytes);
  rewrite.request_id = "r1";
  if (!write_response_head(response.head(), response.buffer(), rewrite, out)) return "refused";
  return std::string(out.view());
}

}  // namespace

TEST_CASE("a request is forwarded with its own fields, the facts, the subject and our framing") {
  const ReadRequest request(
      "POST /%61?q=1 HTTP/1.1\r\nAccept: */*\r\nHost: H.example.:80\r\nContent-Length: 3\r\n"
      "User-Agent:curl\r\nX-A:  b \t\r\n\r\n");
  RequestRewrite rewrite = plain_rewrite();
  rewrite.path = "/a";
  rewrite.host = "h.example:80";
  rewrite.framing = Framing::length;
  rewrite.content_length = 3;
  CHECK(written(request, rewrite) ==
        "POST /a?q=1 HTTP/1.1\r\nHost: h.example:80\r\nAccept: */*\r\nUser-Agent:curl\r\nX-A:  b \t\r\n"
        "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: H.example.:80\r\n"
        "X-Request-Id: r1\r\ntraceparent: 00-t\r\nX-Subject-Type: anonymous\r\nContent-Length: 3\r\n\r\n");
}

TEST_CASE("runs of fields are copied whole, whatever stands between them is left out") {
  const std::string secret = "Authorization: Bearer s\r\n";
  const std::string spoof = "X-Subject-Id: root\r\n";
  struct Row {
    std::string lines, kept;
  };
  const Row rows[] = {
      {"", ""},
      {"A: 1\r\n", "A: 1\r\n"},
      {secret, ""},
      {secret + "A: 1\r\n", "A: 1\r\n"},
      {"A: 1\r\n" + secret, "A: 1\r\n"},
      {"A: 1\r\nB: 2\r\n" + secret + spoof + "C: 3\r\n", "A: 1\r\nB: 2\r\nC: 3\r\n"},
      {spoof + "A: 1\r\n" + spoof + "B: 2\r\n" + spoof, "A: 1\r\nB: 2\r\n"},
      {"A:\r\n", "A:\r\n"},
      {"A: caf\xe9\r\n", "A: caf\xe9\r\n"},
      {"TE: trailers\r\nTrailer: X\r\nKeep-Alive: timeout=5\r\nA: 1\r\n", "A: 1\r\n"},
      {"Proxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\n", ""},
      {"X-Request-Id: evil\r\ntraceparent: evil\r\ntracestate: a=b\r\n", "tracestate: a=b\r\n"},
      {"X-Forwarded-For: 1.1.1.1\r\nForwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\nX-Original-URL: "
       "/admin\r\n",
       ""},
      {"X-Rewrite-URL: /admin\r\nX-HTTP-Method-Override: DELETE\r\nX-Forwarded-User: root\r\n", ""},
      {"Connection: X-Drop, close\r\nX-Drop: 1\r\nx-drop: 2\r\nX-Keep: 3\r\n", "X-Keep: 3\r\n"},
      {"X-Drop: 1\r\nConnection: x-drop\r\n", ""},
      {"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", ""},
      {"Expect: 100-continue\r\n", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.lines);
    CHECK(written(request_with(row.lines), plain_rewrite()) == start + row.kept + facts + "\r\n");
  }
}

TEST_CASE("a field that could be taken for framing, or a forbidden nomination, refuses the request") {
  for (const std::string_view lines :
       {"Transfer_Encoding: chunked\r\n", "Content.Length: 5\r\n", "Host_: x\r\n", "A: 1\r\nHost-: x\r\n",
        "Connection: Authorization\r\n", "Connection: X-Subject-Id\r\n",
        "Connection: x_subject_id, close\r\n", "Connection: close\r\nConnection: Cookie\r\n"}) {
    CAPTURE(lines);
    CHECK(written(request_with(std::string(lines)), plain_rewrite()) == "ambiguous");
  }
}

TEST_CASE("our framing is the only one") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.framing = Framing::chunked;
  CHECK(written(request_with("Transfer-Encoding: Chunked\r\n"), rewrite) ==
        start + facts + "Transfer-Encoding: chunked\r\n\r\n");
  rewrite.framing = Framing::length;
  CHECK(written(request_with("Content-Length: 000\r\n"), rewrite) ==
        start + facts + "Content-Length: 0\r\n\r\n");
  rewrite.content_length = 9223372036854775807u;
  CHECK(written(request_with("Content-Length: 9223372036854775807\r\n"), rewrite) ==
        start + facts + "Content-Length: 9223372036854775807\r\n\r\n");
}

TEST_CASE("an expectation that waits and a checked upgrade go out in our own words") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.expect_continue = true;
  CHECK(written(request_with("Expect: 100-Continue\r\n"), rewrite) ==
        start + facts + "Expect: 100-continue\r\n\r\n");
  rewrite.expect_continue = false;
  rewrite.upgrade = true;
  CHECK(written(request_with("Connection: x, UPGRADE\r\nUpgrade: WebSocket\r\nx: 1\r\n"), rewrite) ==
        start + facts + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST_CASE("a trusted peer's facts are kept, and its address is appended to them") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.trusted_peer = true;
  CHECK(written(request_with(
                    "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 203.0.113.9\r\n"
                    "X-Forwarded-For:\r\nx-forwarded-for: 10.0.0.1 , 10.0.0.2\r\nX-Forwarded-Host: pub\r\n"),
                rewrite) ==
        start +
            "X-Forwarded-Proto: https\r\nX-Real-IP: 203.0.113.9\r\nX-Forwarded-Host: pub\r\n"
            "X-Forwarded-For: 203.0.113.9, 10.0.0.1 , 10.0.0.2, 192.0.2.7\r\n"
            "X-Request-Id: r1\r\ntraceparent: 00-t\r\nX-Subject-Type: anonymous\r\n\r\n");
  CHECK(written(request_with(""), rewrite) == start + facts + "\r\n");
}

TEST_CASE("a fact that Connection names is not kept, and is told by us instead of by nobody") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.trusted_peer = true;
  CHECK(written(request_with("X-Forwarded-Proto: https\r\nX-Forwarded-Host: pub\r\n"
                             "Connection: X-Forwarded-Proto, x-forwarded-host\r\n"),
                rewrite) == start + facts + "\r\n");
}

TEST_CASE("a peer without an address, on a Unix socket, leaves no forwarded address") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.client_address = {};
  CHECK(written(request_with("X-Forwarded-For: 1.1.1.1\r\n"), rewrite).find("X-Forwarded-For") ==
        std::string::npos);
}

TEST_CASE("a request of HTTP/1.0 becomes one of HTTP/1.1, with an empty Host when it had none") {
  RequestRewrite rewrite = plain_rewrite();
  rewrite.host = {};
  CHECK(written(ReadRequest("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), rewrite) ==
        "GET / HTTP/1.1\r\nHost: \r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
        "X-Request-Id: r1\r\ntraceparent: 00-t\r\nX-Subject-Type: anonymous\r\n\r\n");
}

TEST_CASE("the absolute form and OPTIONS * are forwarded by the path we matched") {
  RequestRewrite rewrite = plain_rewrite();
  CHECK(written(ReadRequest("GET http://h?a HTTP/1.1\r\nHost: h\r\n\r\n"), rewrite).substr(0, 18) ==
        "GET /?a HTTP/1.1\r\n");
  CHECK(written(ReadRequest("GET /? HTTP/1.1\r\nHost: h\r\n\r\n"), rewrite).substr(0, 17) ==
        "GET /? HTTP/1.1\r\n");
  rewrite.path = "*";
  CHECK(written(ReadRequest("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), rewrite).substr(0, 20) ==
        "OPTIONS * HTTP/1.1\r\n");
}

TEST_CASE("a head that does not fit is too long, never cut") {
  const ReadRequest request = request_with("A: 1\r\n");
  const std::string whole = written(request, plain_rewrite());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::vector<char> bytes(size);
    TextWriter out(bytes);
    CAPTURE(size);
    CHECK(write_request_head(request.head(), request.buffer(), rules, plain_rewrite(), out) ==
          RewriteError::too_long);
  }
}

TEST_CASE("the largest head that is read has room when it is written") {
  const std::string host(200, 'h');
  std::string text = "GET / HTTP/1.1\r\nHost: " + host + "\r\nX-Forwarded-For: 1.1.1.1\r\nA: ";
  text.append(limits::head_bytes_max - text.size() - 4, 'a');
  const ReadRequest request(text + "\r\n\r\n");
  const std::string block =
      "X-Subject-Id: " + std::string(limits::subject_block_bytes_max - 16, 's') + "\r\n";
  const std::string id(limits::request_id_bytes_max, 'i');
  const std::string trace(55, 't');
  RequestRewrite rewrite = plain_rewrite();
  rewrite.host = host;
  rewrite.client_address = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255";
  rewrite.request_id = id;
  rewrite.traceparent = trace;
  rewrite.subject_block = block;
  rewrite.trusted_peer = rewrite.upgrade = rewrite.expect_continue = true;
  rewrite.framing = Framing::length;
  rewrite.content_length = UINT64_MAX;
  constexpr std::size_t room =
      limits::head_bytes_max + limits::subject_block_bytes_max + 2048;  // Exchange::request_out
  CHECK(written(request, rewrite).size() <= room);
  CHECK(written(request, rewrite).size() > limits::head_bytes_max);
}

TEST_CASE("an answer is passed on without its hop-by-hop fields, with our framing and reason") {
  struct Row {
    std::string name;
    std::string head;
    ResponseRewrite rewrite;
    std::string written;
  };
  const std::string id = "X-Request-Id: r1\r\n";
  ResponseRewrite length, chunked, closing, http10, bodiless, upgrade;
  length.framing = Framing::length;
  length.content_length = 2;
  chunked.framing = Framing::chunked;
  closing.close = true;
  http10.client_http10 = true;
  bodiless.keep_length = true;
  upgrade.upgrade = true;
  const Row rows[] = {
      {"length", "HTTP/1.1 200 Fine\r\nA: 1\r\nContent-Length: 02\r\nB: 2\r\n\r\n", length,
       "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n" + id + "Content-Length: 2\r\n\r\n"},
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nTE: x\r\n\r\n", chunked,
       "HTTP/1.1 200 OK\r\n" + id + "Transfer-Encoding: chunked\r\n\r\n"},
      {"until close", "HTTP/1.0 200 OK\r\nA: 1\r\n\r\n", closing,
       "HTTP/1.1 200 OK\r\nA: 1\r\n" + id + "Connection: close\r\n\r\n"},
      {"kept with HTTP/1.0", "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", http10,
       "HTTP/1.1 204 No Content\r\n" + id + "Connection: keep-alive\r\n\r\n"},
      {"HEAD keeps the length told", "HTTP/1.1 200 OK\r\nContent-Length: 77\r\nA: 1\r\n\r\n", bodiless,
       "HTTP/1.1 200 OK\r\nContent-Length: 77\r\nA: 1\r\n" + id + "\r\n"},
      {"HEAD drops a coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", bodiless,
       "HTTP/1.1 200 OK\r\n" + id + "\r\n"},
      {"nominated fields",
       "HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: t\r\nA: 1\r\n\r\n",
       {},
       "HTTP/1.1 200 OK\r\nA: 1\r\n" + id + "\r\n"},
      {"the length that Connection names",
       "HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\n", length,
       "HTTP/1.1 200 OK\r\n" + id + "Content-Length: 2\r\n\r\n"},
      {"one request id",
       "HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\n\r\n",
       {},
       "HTTP/1.1 200 OK\r\n" + id + "\r\n"},
      {"early hints",
       "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 5\r\n\r\n",
       {},
       "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"},
      {"an unknown status", "HTTP/1.1 299 Whatever \x80\r\n\r\n", {}, "HTTP/1.1 299 \r\n" + id + "\r\n"},
      {"upgrade",
       "HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: a\r\n\r\n",
       upgrade,
       "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: a\r\nConnection: Upgrade\r\nUpgrade: "
       "websocket\r\n\r\n"},
      {"cookies stay two",
       "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n",
       {},
       "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n" + id + "\r\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(answered(ReadResponse(row.head), row.rewrite) == row.written);
  }
}

TEST_CASE("an answer whose Connection names more than is tracked is refused") {
  std::string names = "N0";
  for (int i = 1; i < 17; ++i) names += ", N" + std::to_string(i);
  CHECK(answered(ReadResponse("HTTP/1.1 200 OK\r\nConnection: " + names + "\r\n\r\n"), {}) == "refused");
}

TEST_CASE("the size line of a chunk is hexadecimal and fits eighteen bytes") {
  char line[18];
  CHECK(chunk_size_line(1, line) == "1\r\n");
  CHECK(chunk_size_line(10, line) == "a\r\n");
  CHECK(chunk_size_line(65536, line) == "10000\r\n");
  CHECK(chunk_size_line(SIZE_MAX, line) == "ffffffffffffffff\r\n");
}
