// Values of the configuration that break their rule, and what is said of them.

#include "tests/conf/read_case.hpp"

using namespace postern;
using namespace postern::test;

TEST_CASE("an upstream is an authority and nothing else") {
  struct Row {
    std::string url, endpoint, host;
  };
  const Row rows[] = {
      {"http://127.0.0.1:3000", "127.0.0.1:3000", "127.0.0.1:3000"},
      {"http://App.Example:3000/", "app.example:3000", "app.example:3000"},
      {"http://app", "app:80", "app"},
      {"http://app:80", "app:80", "app"},
      {"http://[::1]", "[::1]:80", "[::1]"},
      {"http://[::1]:3000", "[::1]:3000", "[::1]:3000"},
      {"unix:/run/app.sock", "unix:/run/app.sock", "localhost"},
      {"https://App", "app:443", "app"},
      {"https://app:80", "app:80", "app:80"},
      {"http://app:443", "app:443", "app:443"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    const Config config = config_of({"policy: p\nupstream: '" + row.url + "'\n"});
    CHECK(config.upstream.endpoint.to_string() == row.endpoint);
    CHECK(config.upstream.authority == row.host);
    CHECK(config.upstream.tls == row.url.starts_with("https:"));
  }
  const Refusal refused[] = {
      {"http://app/base",
       "upstream: an upstream has no path, query or fragment; write http://host:port, https://host:port or "
       "unix:/path"},
      {"http://app?x",
       "upstream: an upstream has no path, query or fragment; write http://host:port, https://host:port or "
       "unix:/path"},
      {"http://me:secret@app", "upstream: an upstream has no user or password in its URL"},
      {"app:3000", "upstream: \"app:3000\" is not an upstream; did you mean \"http://app:3000\"?"},
      {"http://",
       "upstream: \"http://\" is not an upstream; write http://host:port, https://host:port or unix:/path"},
      {"http://app:0",
       "upstream: \"http://app:0\" is not an upstream; write http://host:port, https://host:port or "
       "unix:/path"},
      {"http://::1",
       "upstream: \"http://::1\" is not an upstream; write http://host:port, https://host:port or "
       "unix:/path"},
      {"http://unix:/a",
       "upstream: an upstream has no path, query or fragment; write http://host:port, https://host:port or "
       "unix:/path"},
      {"unix:app",
       "upstream: \"unix:app\" is not the path of a socket; write http://host:port, https://host:port or "
       "unix:/path"},
      {"ftp://app",
       "upstream: \"ftp://app\" is not an upstream; write http://host:port, https://host:port or unix:/path"},
  };
  for (const Refusal& row : refused) {
    CAPTURE(row.given);
    const Read result = read({"policy: p\nupstream: '" + row.given + "'\n"});
    REQUIRE(result.mistakes.size() == 1);
    CHECK(result.mistakes[0] == "f:2:11: " + row.mistake);
  }
}

TEST_CASE("a value that breaks its rule is refused with what is allowed") {
  const Refusal rows[] = {
      {"listen: 8080", "listen: \"8080\" is not an address; did you mean \"127.0.0.1:8080\"?"},
      {"listen: :8080", "listen: \":8080\" is not an address; did you mean \"127.0.0.1:8080\"?"},
      {"listen: here", "listen: \"here\" is not an address; write host:port, [ipv6]:port or unix:/path"},
      {"listen: []", "listen: the list is empty"},
      {"listen:", "listen: has no value"},
      {"listen: {tls: false}", "listen: an entry needs an address; write {address: host:port}"},
      {"listen: {address: '0.0.0.0:80', tsl: true}", "listen: unknown key \"tsl\"; did you mean \"tls\"?"},
      {"listen: {address: '0.0.0.0:80', tls: 1}", "listen: \"1\" is neither true nor false"},
      {"listen: {address: '0.0.0.0:80', tls: true}",
       "listen: \"0.0.0.0:80\" is to speak TLS, but there is no tls.certificate"},
      {"listen: {address: '0.0.0.0:80', proxy_protocol: true}",
       "listen: \"0.0.0.0:80\" is to speak the PROXY protocol, but trusted_proxies names nobody"},
      {"admin: {listen: {address: '0.0.0.0:80'}}",
       "admin.listen: one address is expected, not a mapping; write host:port"},
      {"tls: {key: k.pem}", "tls.key: there is no tls.certificate that it could belong to"},
      {"tls: {client_ca: ca.pem}", "tls.client_ca: without tls.certificate no client is asked"},
      {"tls: {certificate: c.pem, client_certificate: optional}",
       "tls.client_certificate: without tls.client_ca nobody vouches for a client"},
      {"tls: {certificate: c.pem, client_ca: ca.pem, client_certificate: requird}",
       "tls.client_certificate: \"requird\" is none of none, optional, required; did you mean \"required\"?"},
      {"tls: {certificates: [{key: k.pem}]}", "tls.certificates: an entry needs a certificate"},
      {"listen: [[a]]", "listen: one value is expected, not a list"},
      {"preserve_host: yes", "preserve_host: \"yes\" is neither true nor false"},
      {"store: ''", "store: the path is empty"},
      {"store: [a]", "store: one value is expected, not a list"},
      {"store_size_max: 64G",
       "store_size_max: \"64G\" is not a size; write it as 65536, 512KiB, 10MB or 64GiB"},
      {"store_size_max: 1KiB", "store_size_max: \"1KiB\" is out of bounds; allowed is 1MiB to 64TiB"},
      {"headers: {prefix: X-Subject}",
       "headers.prefix: \"X-Subject\" is no header prefix; did you mean \"X-Subject-\"?"},
      {"headers: {prefix: X_Subject_-}",
       "headers.prefix: \"X_Subject_-\" is no header prefix; "
       "allowed is up to 64 letters, digits and '-', ending in '-'"},
      {"headers: {prefix: Transfer-}",
       "headers.prefix: \"Transfer-\" would swallow the field \"transfer-encoding\""},
      {"headers: {prefix: x-}", "headers.prefix: \"x-\" would swallow the field \"x-b3-traceid\""},
      {"headers: {prefix: X-Request-}",
       "headers.prefix: \"X-Request-\" would swallow the field \"x-request-id\""},
      {"headers: {prefix: X-Forwarded-Subject-}",
       "headers.prefix: \"X-Forwarded-Subject-\" lies among the fields \"x-forwarded-*\""},
      {"realm: 'a\"b'",
       "realm: \"a\"b\" is no realm; allowed is up to 128 printable ASCII characters without quote and "
       "backslash"},
      {"token_prefix: pst",
       "token_prefix: \"pst\" is no token prefix; allowed is up to 15 letters and digits, then '_'"},
      {"token_prefix: _",
       "token_prefix: \"_\" is no token prefix; allowed is up to 15 letters and digits, then '_'"},
      {"trusted_proxies: 10.1.2.3/8",
       "trusted_proxies: \"10.1.2.3/8\" has bits beyond its prefix; did you mean \"10.0.0.0/8\"?"},
      {"trusted_proxies: proxy",
       "trusted_proxies: \"proxy\" is not a network; write it as 10.0.0.0/8 or fd00::/8"},
      {"timeouts: {head: 10}",
       "timeouts.head: \"10\" is not a duration; write it as 250ms, 10s, 5m or 1h30m"},
      {"timeouts: {head: 1ms}", "timeouts.head: \"1ms\" is out of bounds; allowed is 10ms to 1h"},
      {"timeouts: {connect: 2m}", "timeouts.connect: \"2m\" is out of bounds; allowed is 10ms to 1m"},
      {"timeouts: 10s",
       "timeouts: keys of its own are expected; "
       "write them below it: head, body, idle, connect, response, drain, drain_delay"},
      {"limits: {connections: 0}", "limits.connections: \"0\" is out of bounds; allowed is 1 to 1000000"},
      {"limits: {connections: many}", "limits.connections: \"many\" is not a whole number"},
      {"limits: {connections: 4294967297}",
       "limits.connections: \"4294967297\" is out of bounds; allowed is 1 to 1000000"},
      {"shards: -1", "shards: \"-1\" is not a whole number"},
      {"log: {level: debgu}", "log.level: \"debgu\" is no log level; did you mean \"debug\"?"},
      {"log: {level: loud}", "log.level: \"loud\" is no log level; allowed is error, warning, info, debug"},
      {"log: {access: stdout}", "log.access: \"stdout\" is not a file's path; did you mean \"-\"?"},
      {"log: {access: none}", "log.access: \"none\" is not a file's path; did you mean \"off\"?"},
      {"tracing: {endpoint: 'collector:4318'}",
       "tracing.endpoint: \"collector:4318\" is no URL; write http://host:port/path or "
       "https://host:port/path"},
      {"tracing: {endpoint: 'http://a:b@c/v1/traces'}",
       "tracing.endpoint: a URL here has no user or password"},
      {"tracing: {endpoint: 'http://:4318/v1/traces'}",
       "tracing.endpoint: \"http://:4318/v1/traces\" is no URL"},
      {"tracing: {endpoint: 'http://c/v1/tr aces'}", "tracing.endpoint: \"http://c/v1/tr aces\" is no URL"},
      {"tracing: {sample_percent: 101}",
       "tracing.sample_percent: \"101\" is out of bounds; allowed is 0 to 100"},
      {"tracing: {service_name: 'a\"b'}",
       "tracing.service_name: \"a\"b\" is no name of a service; "
       "allowed is up to 128 printable ASCII characters without quote and backslash"},
  };
  for (const Refusal& row : rows) {
    CAPTURE(row.given);
    CHECK(mistake_of(row.given) == row.mistake);
  }
}

TEST_CASE("a list of trusted proxies that holds everybody is refused, in whatever form") {
  for (const std::string network : {"0.0.0.0/0", "::/0", "::ffff:0:0/96", "::/8", "::/80"}) {
    CAPTURE(network);
    CHECK(mistake_of("trusted_proxies: [10.0.0.0/8, '" + network + "']") ==
          "trusted_proxies: \"" + network +
              "\" would trust everybody; name the networks of the proxies in front");
  }
  CHECK(config_of({with("trusted_proxies: [10.0.0.0/8, '2000::/3']")}).trusted_proxies.size() == 2);
  CHECK(config_of({with("trusted_proxies: []")}).trusted_proxies.empty());
}

TEST_CASE("an unknown key is refused with the nearest known one of its section") {
  const Refusal rows[] = {
      {"lisen: x", "unknown key \"lisen\"; did you mean \"listen\"?"},
      {"timeouts: {haed: 1s}", "unknown key \"timeouts.haed\"; did you mean \"head\"?"},
      {"head: 1s", "unknown key \"head\"; \"head\" belongs under \"timeouts\""},
      {"timeouts.head: 1s", "unknown key \"timeouts.head\"; \"head\" belongs under \"timeouts\""},
      {"prefix: X-", "unknown key \"prefix\"; \"prefix\" belongs under \"headers\""},
      {"completely: else", "unknown key \"completely\""},
      {"store: {path: /x}", "unknown key \"store.path\""},
  };
  for (const Refusal& row : rows) {
    CAPTURE(row.given);
    CHECK(mistake_of(row.given) == row.mistake);
  }
}
