// The section `upstreams`, and the headers that are set on requests to one.

#include <doctest/doctest.h>
#include <fstream>

#include "conf/limits.hpp"
#include "conf/option.hpp"
#include "conf/upstream_headers.hpp"
#include "tests/conf/temporary_directory.hpp"

using namespace postern;
using namespace std::chrono_literals;

namespace {

struct Read {
  std::optional<Config> config;
  std::string mistakes;  ///< as the operator sees them
};

Read read(const std::string& lines, bool dev = false) {
  ConfigSources sources;
  sources.environment.emplace();
  sources.dev = dev;
  Diagnostics diagnostics;
  const yaml::Document document = yaml::parse("f", "policy: p\n" + lines, diagnostics);
  Read read{read_config(document, sources, diagnostics), {}};
  read.mistakes = yaml::render(diagnostics, {&document});
  return read;
}

/// The first line of what is said.
std::string mistake_of(const std::string& lines) {
  const std::string mistakes = read(lines).mistakes;
  return mistakes.substr(0, mistakes.find('\n'));
}

std::vector<Upstream> upstreams_of(const std::string& lines) {
  const Read result = read(lines);
  INFO(result.mistakes);
  REQUIRE(result.config.has_value());
  return result.config->all_upstreams();
}

}  // namespace

TEST_CASE("every key of an upstream reaches its place") {
  const auto all = upstreams_of(
      "upstreams:\n"
      "  orders:\n"
      "    addresses: [http://10.0.0.1, 'http://[::1]:8080', unix:/run/a.sock]\n"
      "    headers: {X-Api-Key: s3cret, Authorization: Basic Zm9vOmJhcg==}\n"
      "    headers_file: /run/secrets/orders\n"
      "    resolve: 1m\n"
      "    health: {path: '/health?deep=1', interval: 1s, timeout: 200ms, healthy: 3, unhealthy: 4}\n"
      "  default: {url: http://App:3000}\n");
  REQUIRE(all.size() == 2);
  const Upstream& orders = all[0];
  CHECK(orders.name == "orders");
  REQUIRE(orders.addresses.size() == 3);
  CHECK(orders.addresses[0].endpoint.to_string() == "10.0.0.1:80");
  CHECK(orders.addresses[0].authority == "10.0.0.1");
  CHECK(orders.addresses[1].authority == "[::1]:8080");
  CHECK(orders.addresses[2].endpoint.unix_path == "/run/a.sock");
  CHECK(orders.headers ==
        std::vector<UpstreamHeader>{{"X-Api-Key", "s3cret"}, {"Authorization", "Basic Zm9vOmJhcg=="}});
  CHECK(orders.headers_file == "/run/secrets/orders");
  CHECK(orders.resolve == 1min);
  CHECK(orders.health == HealthCheck{"/health?deep=1", 1s, 200ms, 3, 4});
  CHECK(all[1].name == "default");
  CHECK(all[1].addresses[0].authority == "app:3000");
  CHECK(all[1].resolve == 30s);
  CHECK(all[1].health == HealthCheck{"", 5s, 1s, 1, 2});
}

TEST_CASE("`upstream` is the entry `default`") {
  const auto all = upstreams_of("upstream: http://a\nupstreams: {other: {url: http://b}}\n");
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "other");
  CHECK(all[1].name == "default");
  CHECK(all[1].addresses[0].endpoint.to_string() == "a:80");
  CHECK(all[1].resolve == 30s);
}

TEST_CASE("what is no upstream is refused at its place") {
  struct Row {
    std::string given, mistake;
  };
  const std::vector<Row> rows = {
      {"upstreams: http://a",
       "f:2:12: upstreams: a mapping of names to upstreams is expected; write '{orders: {url: "
       "http://127.0.0.1:8000}}' in the file"},
      {"upstreams: {}",
       "f:2:12: upstreams: a mapping of names to upstreams is expected; write '{orders: {url: "
       "http://127.0.0.1:8000}}' in the file"},
      {"upstreams: {A: {url: http://a}}",
       "f:2:13: upstreams: \"A\" is no name of an upstream; allowed are up to 64 of a-z, 0-9, '-' and '_', a "
       "letter first"},
      {"upstreams: {a: http://a}",
       "f:2:13: upstreams.a: keys of its own are expected; write '{url: http://host:port}'"},
      {"upstreams: {a: {}}", "f:2:13: upstreams.a: url or addresses is missing"},
      {"upstreams: {a: {url: http://a, addresses: [http://b]}}",
       "f:2:13: upstreams.a: either url or addresses, not both"},
      {"upstreams: {a: {adresses: [http://b]}}", "f:2:13: upstreams.a: url or addresses is missing"},
      {"upstreams: {a: {url: http://a, helth: {path: /}}}",
       "f:2:32: upstreams.a: unknown key \"helth\"; did you mean \"health\"?"},
      {"upstreams: {a: {url: http://a, health: {pth: /}}}",
       "f:2:13: upstreams.a: health: path is missing; write what to ask for, for example /health"},
      {"upstreams: {a: {url: http://a, health: /up}}",
       "f:2:13: upstreams.a: health: path is missing; write what to ask for, for example /health"},
      {"upstreams: {a: {url: http://a, health.path: /up}}",
       "f:2:32: upstreams.a: unknown key \"health.path\""},
      {"upstreams: {a: {url: http://a, health: {path: up}}}",
       "f:2:47: upstreams.a.health.path: \"up\" is no path; write it as /health"},
      {"upstreams: {a: {url: http://a, health: {path: \"/a b\"}}}",
       "f:2:47: upstreams.a.health.path: \"/a b\" is no path; write it as /health"},
      {"upstreams: {a: {url: http://a, health: {path: /, interval: 5}}}",
       "f:2:60: upstreams.a.health.interval: \"5\" is not a duration; write it as 250ms, 10s, 5m or 1h30m"},
      {"upstreams: {a: {url: http://a, resolve: 1ms}}",
       "f:2:41: upstreams.a.resolve: \"1ms\" is out of bounds; allowed is 100ms to 1h"},
      {"upstreams: {a: {url: http://a/b}}",
       "f:2:22: upstreams.a.url: an upstream has no path, query or fragment; write http://host:port, "
       "https://host:port or unix:/path"},
      {"upstreams: {a: {addresses: [http://a, https://b]}}",
       "f:2:13: upstreams.a: either all addresses are https:// or none is"},
      {"upstreams: {a: {url: http://a, tls: {ca: ca.pem}}}",
       "f:2:13: upstreams.a: tls: an address that is not https:// is not spoken to over TLS"},
      {"upstreams: {a: {url: https://a, tls: {key: k.pem}}}",
       "f:2:13: upstreams.a: tls.key: there is no tls.certificate that it could belong to"},
      {"upstreams: {a: {url: https://a, tls: {server_name: \"a/b\"}}}",
       "f:2:52: upstreams.a.tls.server_name: \"a/b\" is not the name of a host"},
      {"upstreams: {a: {addresses: []}}", "f:2:28: upstreams.a.addresses: the list is empty"},
      {"upstreams: {a: {addresses: [http://a, http://A:80]}}",
       "f:2:13: upstreams.a: the address \"a:80\" is named twice"},
      {"upstream: http://a\nupstreams: {default: {url: http://b}}",
       "f:2:11: upstream: upstreams has an entry \"default\" already, which is the same thing"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.given);
    CHECK(mistake_of(row.given) == row.mistake);
  }
}

TEST_CASE("with --dev the rule has an upstream to go to") {
  CHECK(read("upstreams: {a: {url: http://a}}", true).config.has_value());
  CHECK(read("upstreams: {a: {url: http://a}, default: {url: http://b}}", true).config.has_value());
  CHECK_FALSE(read("upstreams: {a: {url: http://a}, b: {url: http://b}}", true).config.has_value());
}

TEST_CASE("a header that frames, routes or belongs to the subject cannot be set") {
  const std::vector<std::string> refused = {"Host",
                                            "content-length",
                                            "Transfer-Encoding",
                                            "Connection",
                                            "Keep-Alive",
                                            "Upgrade",
                                            "TE",
                                            "Trailer",
                                            "Expect",
                                            "Proxy-Connection",
                                            "X-Request-Id",
                                            "traceparent",
                                            "tracestate",
                                            "Forwarded",
                                            "X-Forwarded-For",
                                            "X-Forwarded-Thing",
                                            "X-Subject-Id",
                                            "x-subject-other",
                                            "X-Subject",
                                            "X_Api_Key",
                                            "X Api",
                                            "X:",
                                            "",
                                            "-X",
                                            "X-",
                                            "http2-settings",
                                            "X-Real-IP",
                                            "Caf\xC3\xA9"};
  for (const std::string& name : refused) {
    CAPTURE(name);
    CHECK_FALSE(upstream_header_flaw(name, "X-Subject-").empty());
  }
  for (const std::string name :
       {"Authorization", "Cookie", "X-Api-Key", "X-Subjects", "Proxy-Authorization"}) {
    CAPTURE(name);
    CHECK(upstream_header_flaw(name, "X-Subject-").empty());
  }
}

TEST_CASE("headers are bounded, together too") {
  const auto flaw = [](std::vector<UpstreamHeader> headers) {
    return upstream_headers_flaw(headers, "X-Subject-");
  };
  CHECK(flaw({{"A", "1"}, {"B", "2"}}).empty());
  CHECK(flaw({{"A", "1"}, {"a", "2"}}) == "\"a\" is set twice");
  CHECK_FALSE(flaw({{"A", std::string(limits::upstream_header_bytes_max, 'x')}}).empty());
  std::vector<UpstreamHeader> many;
  for (std::size_t i = 0; i <= limits::upstream_headers_max; ++i)
    many.push_back({"X" + std::to_string(i), "1"});
  CHECK_FALSE(flaw(many).empty());
}

TEST_CASE("a line with a header's value is never shown") {
  for (const std::string given :
       {"upstreams: {a: {url: http://a, headers: {Host: s3cret}}}",
        "upstreams: {a: {url: http://a, headers: {X-Key: \"s3cret\\n\"}}}",
        "upstreams: {a: {url: http://a, headers: s3cret}}",
        "upstreams: {a: {url: http://a, headers: [s3cret]}}",
        "upstreams:\n  a:\n    url: http://a\n    headers:\n      X-Key:\n        - s3cret\n",
        "upstreams: {a: {url: http://a, headers: {X-Subject-Id: s3cret}}}",
        "upstreams: {a: {urll: http://a, headers: {X-Key: s3cret}}}"}) {
    CAPTURE(given);
    const Read result = read(given);
    CHECK_FALSE(result.config.has_value());
    CHECK(result.mistakes.find("s3cret") == std::string::npos);
  }
}

TEST_CASE("a file of headers") {
  const test::TemporaryDirectory folder;
  const std::string file = (folder.path() / "headers").string();
  const auto load = [&](const std::string& text, Diagnostics& diagnostics) {
    std::ofstream(file) << text;
    return load_upstream_headers(file, diagnostics);
  };
  Diagnostics none;
  CHECK(load("Authorization: Bearer abc\nX-Key: '1'\n", none) ==
        std::vector<UpstreamHeader>{{"Authorization", "Bearer abc"}, {"X-Key", "1"}});
  CHECK(none.empty());
  for (const std::string text :
       {"", "s3cret", "- s3cret", "X-Key: [s3cret]", "Host: s3cret", "X-Key: \"s3cret",
        "X-Key: s3cret\nX-Key: s3cret", "X-Key: &s3cret s3cret"}) {
    CAPTURE(text);
    Diagnostics diagnostics;
    static_cast<void>(load(text, diagnostics));
    CHECK_FALSE(diagnostics.empty());
    const std::string said = diagnostics.render(nullptr, nullptr);
    CHECK(said.find("s3cret") == std::string::npos);
    CHECK(said.find(file) == 0);
  }
  Diagnostics missing;
  static_cast<void>(load_upstream_headers((folder.path() / "nothing").string(), missing));
  CHECK_FALSE(missing.empty());
}
