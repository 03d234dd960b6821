// The handshake of RFC 6455 as far as a proxy must understand it.

#include "proxy/websocket.hpp"

#include "tests/proxy/heads.hpp"

using namespace postern;
using namespace postern::test;

namespace {

const std::string key = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 §1.3
const std::string accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

UpgradeRequest asked(const std::string& head) {
  const ReadRequest request(head);
  return upgrade_request(request.head(), request.buffer());
}
UpgradeRequest asked_with(const std::string& lines) {
  return asked("GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n");
}

const std::string upgrade = "Upgrade: websocket\r\n";
const std::string connection = "Connection: Upgrade\r\n";
const std::string version = "Sec-WebSocket-Version: 13\r\n";
const std::string key_line = "Sec-WebSocket-Key: " + key + "\r\n";

bool accepts(const std::string& lines, std::string_view with_key = key) {
  const ReadResponse response("HTTP/1.1 101 Switching Protocols\r\n" + lines + "\r\n");
  return upgrade_accepted(response.head(), response.buffer(), with_key);
}

}  // namespace

TEST_CASE("a complete handshake is one, whatever the case and order of its fields") {
  CHECK(asked_with(upgrade + connection + version + key_line) == UpgradeRequest::websocket);
  CHECK(asked_with(key_line + version + "connection: keep-alive, uPGRADE\r\nupgrade: WebSocket\r\n") ==
        UpgradeRequest::websocket);
  CHECK(asked_with(upgrade + connection + version + key_line + "Sec-WebSocket-Protocol: chat, x\r\n") ==
        UpgradeRequest::websocket);
}

TEST_CASE("what asks for websocket otherwise is malformed") {
  const std::string all = upgrade + connection + version + key_line;
  for (const std::string& lines : {
           upgrade + connection + version,                                        // no key
           upgrade + connection + key_line,                                       // no version
           upgrade + connection + key_line + "Sec-WebSocket-Version: 8\r\n",      //
           upgrade + connection + key_line + "Sec-WebSocket-Version: 13, 8\r\n",  //
           all + version,                                                         // twice
           all + key_line,                                                        //
           all + upgrade,                                                         //
           "Upgrade: h2c\r\n" + all,                                              //
           all + "Upgrade: h2c\r\n",                                              //
           "Upgrade: websocket, h2c\r\n" + connection + version + key_line,       //
           all + "Content-Length: 5\r\n",                                         // a body
           all + "Content-Length: 0\r\n",                                         //
           all + "Transfer-Encoding: chunked\r\n",                                //
           upgrade + connection + version + "Sec-WebSocket-Key: short==\r\n",     //
           upgrade + connection + version + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n",
           upgrade + connection + version + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n",
           upgrade + connection + version + "Sec-WebSocket-Key: ====================ZQ==\r\n",
           upgrade + connection + version + "Sec-WebSocket-Key:\r\n",
       }) {
    CAPTURE(lines);
    CHECK(asked_with(lines) == UpgradeRequest::malformed);
  }
  CHECK(asked("POST / HTTP/1.1\r\nHost: h\r\n" + all + "\r\n") == UpgradeRequest::malformed);
  CHECK(asked("HEAD / HTTP/1.1\r\nHost: h\r\n" + all + "\r\n") == UpgradeRequest::malformed);
  CHECK(asked("GET / HTTP/1.0\r\nHost: h\r\n" + all + "\r\n") == UpgradeRequest::malformed);
}

TEST_CASE("other upgrades, and a field without Connection, are plain HTTP") {
  CHECK(asked_with("") == UpgradeRequest::none);
  CHECK(asked_with("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n") ==
        UpgradeRequest::none);
  CHECK(asked_with("Upgrade: TLS/1.2\r\n" + connection) == UpgradeRequest::none);
  CHECK(asked_with(upgrade + version + key_line) == UpgradeRequest::none);
  CHECK(asked_with(connection) == UpgradeRequest::none);
}

TEST_CASE("the key is found for the answer's check") {
  const ReadRequest request = request_with(key_line);
  CHECK(websocket_key(request.head(), request.buffer()) == key);
  CHECK(websocket_key(request_with("").head(), "").empty());
}

TEST_CASE("the example of RFC 6455 is accepted") {
  CHECK(accepts(upgrade + connection + "Sec-WebSocket-Accept: " + accept + "\r\n"));
  CHECK(accepts("sec-websocket-accept: " + accept + "\r\nUPGRADE: WebSocket\r\nConnection: x, upgrade\r\n"));
}

TEST_CASE("any other 101 is none") {
  const std::string good = "Sec-WebSocket-Accept: " + accept + "\r\n";
  std::string wrong = good;
  wrong[25] = 'S';
  for (const std::string& lines :
       {upgrade + good, connection + good, upgrade + connection, upgrade + connection + wrong,
        upgrade + connection + good + good, upgrade + upgrade + connection + good,
        "Upgrade: websocket, x\r\n" + connection + good, "Upgrade: h2c\r\n" + connection + good,
        upgrade + connection + "Sec-WebSocket-Accept: " + key + "\r\n",
        upgrade + "Connection: close\r\n" + good}) {
    CAPTURE(lines);
    CHECK_FALSE(accepts(lines));
  }
  CHECK_FALSE(accepts(upgrade + connection + good, ""));
  CHECK_FALSE(accepts(upgrade + connection + good, "dGhlIHNhbXBsZSBub25jZZ=="));
}
