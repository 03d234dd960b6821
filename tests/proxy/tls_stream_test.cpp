// What TLS does to a stream: messages of its own, ends that are said or not, records that found no room.

#include "proxy/tls_stream.hpp"

#include <functional>
#include <future>
#include <openssl/x509v3.h>
#include <thread>

#include "proxy/tls_setup.hpp"
#include "tests/proxy/sockets.hpp"

using namespace postern;
using namespace postern::test;

namespace {

/// A server with a certificate that signs itself.
SslContext server_context() {
  SslContext context(SSL_CTX_new(TLS_server_method()));
  const PrivateKey key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  REQUIRE(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
  SSL_CTX_set_num_tickets(context.get(), 0);  // a test sends them when it wants to
  return context;
}

Ssl client(SSL_CTX* context) {
  Ssl ssl(SSL_new(context));
  SSL_set_connect_state(ssl.get());
  return ssl;
}

/// A TlsStream as a client in a loop; the server's side runs in a thread of its own, over a blocking socket.
struct Secured : Loop {
  explicit Secured(std::function<void(SSL*)> server) : Secured(socket_pair(), std::move(server)) {}
  Secured(std::pair<int, int> ends, std::function<void(SSL*)> server) : peer(ends.second) {
    auto made = make_ssl_context(TLS_client_method());
    REQUIRE(made.has_value());
    SSL_CTX_set_session_cache_mode(made->get(), SSL_SESS_CACHE_OFF);
    stream = std::make_unique<TlsStream>(*reactor, ends.first, client(made->get()));
    REQUIRE(stream->open());
    thread = std::thread([this, server = std::move(server)] {
      const SslContext context = server_context();
      const Ssl ssl(SSL_new(context.get()));
      SSL_set_fd(ssl.get(), peer.fd());
      if (SSL_accept(ssl.get()) == 1) server(ssl.get());
      peer.close();
    });
  }
  ~Secured() { thread.join(); }

  Peer peer;
  std::unique_ptr<TlsStream> stream;
  std::thread thread;
};

Task<void> shake(TlsStream& stream) {
  const IoResult done = co_await handshake(stream, Wait::idle, stream.reactor().now());
  REQUIRE(done.ok());
}

/// "bytes", or the word for why there are none.
Task<std::string> read(Stream& stream) {
  char room[64];
  const IoResult result = co_await read_some(stream, room, Wait::idle);
  if (result.ok()) co_return std::string(room, result.bytes);
  co_return result.status == IoStatus::eof ? "eof" : "reset";
}

std::string one_line(SSL* ssl) {
  char room[64];
  const int count = SSL_read(ssl, room, sizeof room);
  return count > 0 ? std::string(room, static_cast<std::size_t>(count)) : "nothing";
}

}  // namespace

TEST_CASE("tickets and new keys on an idle connection are nothing to read") {
  Secured test([](SSL* ssl) {
    CHECK(one_line(ssl) == "first");
    SSL_new_session_ticket(ssl);
    SSL_do_handshake(ssl);
    SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(ssl);
    CHECK(one_line(ssl) == "second");
    SSL_write(ssl, "answer", 6);
    SSL_shutdown(ssl);
  });
  const auto body = [&]() -> Task<void> {
    co_await shake(*test.stream);
    int idle_events = 0;
    test.stream->on_idle_event([](Stream&, void* count) { ++*static_cast<int*>(count); }, &idle_events);
    Pieces first;
    first.add("first");
    const IoResult sent = co_await write_all(*test.stream, first);
    CHECK(sent.ok());
    const IoResult nothing = co_await until_readable(*test.stream, Wait::body, test.reactor->now());
    CHECK(nothing.status == IoStatus::timed_out);
    CHECK_FALSE(test.stream->readable());
    CHECK(idle_events == 0);
    Pieces second;
    second.add("sec");
    second.add("ond");  // one record
    const IoResult again = co_await write_all(*test.stream, second);
    CHECK(again.ok());
    const std::string answer = co_await read(*test.stream);
    CHECK(answer == "answer");
    const std::string end = co_await read(*test.stream);
    CHECK(end == "eof");
  };
  test.run(body());
}

TEST_CASE("an end without close_notify is a reset") {
  Secured test([](SSL* ssl) { SSL_write(ssl, "half", 4); });
  const auto body = [&]() -> Task<void> {
    co_await shake(*test.stream);
    const std::string half = co_await read(*test.stream);
    CHECK(half == "half");
    const std::string end = co_await read(*test.stream);
    CHECK(end == "reset");
    CHECK(test.stream->try_shut_down().status == IoStatus::reset);
  };
  test.run(body());
}

TEST_CASE("after a write that was given up half-way nothing more is said, close_notify least of all") {
  std::promise<void> given_up;
  Secured test([&](SSL*) { given_up.get_future().wait(); });
  const std::string much(8 << 20, 'x');
  const auto body = [&]() -> Task<void> {
    co_await shake(*test.stream);
    Pieces pieces;
    pieces.add(much);
    const IoResult result = co_await write_all(*test.stream, pieces, Wait::body);
    CHECK(result.status == IoStatus::timed_out);
    CHECK(result.bytes % (16 * 1024) == 0);
    Pieces other;
    other.add("other bytes");
    const IoResult refused = co_await write_all(*test.stream, other);
    CHECK_FALSE(refused.ok());
    CHECK(refused.bytes == 0);
    const IoResult end = co_await shut_down(*test.stream, Wait::linger);
    CHECK(end.status == IoStatus::reset);
    given_up.set_value();
  };
  test.run(body());
}
