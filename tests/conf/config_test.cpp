#include <algorithm>
#include <cstdlib>

#include "tests/conf/read_case.hpp"
#include "tests/conf/temporary_directory.hpp"

using namespace postern;
using namespace postern::test;
using namespace std::chrono_literals;

TEST_CASE("two lines are a configuration; everything else has its default") {
  const Config config = config_of({with("")});
  REQUIRE(config.listen.size() == 1);
  CHECK(config.listen[0].endpoint.to_string() == "127.0.0.1:8080");
  CHECK(config.upstream.endpoint.to_string() == "127.0.0.1:3000");
  CHECK(config.upstream.authority == "127.0.0.1:3000");
  CHECK(config.preserve_host);
  CHECK(config.store == "/var/lib/postern");
  CHECK(config.store_size_max == std::uint64_t{64} << 30);
  CHECK(config.policy == "p.yaml");
  CHECK(config.catalog.empty());
  CHECK(config.admin_listen.empty());
  CHECK(config.metrics_listen.empty());
  CHECK(config.header_prefix == "X-Subject-");
  CHECK_FALSE(config.header_permissions);
  CHECK(config.realm == "postern");
  CHECK(config.token_prefix == "pst_");
  CHECK(config.trusted_proxies.empty());
  CHECK(config.timeouts.head == 10s);
  CHECK(config.timeouts.body == 30s);
  CHECK(config.timeouts.idle == 60s);
  CHECK(config.timeouts.connect == 2s);
  CHECK(config.timeouts.response == 30s);
  CHECK(config.timeouts.drain == 25s);
  CHECK(config.limits.body == 0);
  CHECK(config.limits.connections == 10000);
  CHECK(config.limits.upstream_connections == 1024);
  CHECK(config.limits.requests_per_connection == 0);
  CHECK(config.shards == 0);
  CHECK(config.access_log == "-");
  CHECK(config.log_level == LogLevel::info);
  CHECK_FALSE(config.dev);
}

TEST_CASE("every key of the file reaches its place") {
  const Config config = config_of({
      "listen: [0.0.0.0:8080, 'unix:/run/postern.sock']\n"
      "upstream: unix:/run/app.sock\n"
      "preserve_host: false\n"
      "store: /data\n"
      "store_size_max: 1GiB\n"
      "policy: /etc/p.yaml\n"
      "catalog: /etc/c.yaml\n"
      "admin: {listen: '127.0.0.1:9180'}\n"
      "metrics: {listen: ['127.0.0.1:9181']}\n"
      "headers: {prefix: X-Who-, permissions: true}\n"
      "realm: shop\n"
      "token_prefix: shop_\n"
      "trusted_proxies: [10.0.0.0/8, fd00::/8]\n"
      "timeouts: {head: 1s, body: 2s, idle: 3s, connect: 4s, response: 5s, drain: 6s}\n"
      "limits: {body: 10MB, connections: 7, upstream_connections: 8, requests_per_connection: 9}\n"
      "shards: 2\n"
      "log: {access: 'off', level: debug}\n",
  });
  REQUIRE(config.listen.size() == 2);
  CHECK(config.listen[1].endpoint.unix_path == "/run/postern.sock");
  CHECK(config.upstream.endpoint.unix_path == "/run/app.sock");
  CHECK(config.upstream.authority == "localhost");
  CHECK_FALSE(config.preserve_host);
  CHECK(config.store == "/data");
  CHECK(config.store_size_max == 1u << 30);
  CHECK(config.policy == "/etc/p.yaml");
  CHECK(config.catalog == "/etc/c.yaml");
  CHECK(config.admin_listen.at(0).port == 9180);
  CHECK(config.metrics_listen.at(0).port == 9181);
  CHECK(config.header_prefix == "X-Who-");
  CHECK(config.header_permissions);
  CHECK(config.realm == "shop");
  CHECK(config.token_prefix == "shop_");
  REQUIRE(config.trusted_proxies.size() == 2);
  CHECK(to_string(config.trusted_proxies[1]) == "fd00::/8");
  CHECK(config.timeouts.head == 1s);
  CHECK(config.timeouts.body == 2s);
  CHECK(config.timeouts.idle == 3s);
  CHECK(config.timeouts.connect == 4s);
  CHECK(config.timeouts.response == 5s);
  CHECK(config.timeouts.drain == 6s);
  CHECK(config.limits.body == 10'000'000);
  CHECK(config.limits.connections == 7);
  CHECK(config.limits.upstream_connections == 8);
  CHECK(config.limits.requests_per_connection == 9);
  CHECK(config.shards == 2);
  CHECK(config.access_log == "off");
  CHECK(config.log_level == LogLevel::debug);
}

TEST_CASE("a store has a mode, and a directory beside it") {
  CHECK(config_of({with("")}).store_mode == StoreMode::managed);
  const Config config = config_of({with("store: {directory: /data, mode: declared}\ncatalog: c.yaml")});
  CHECK(config.store == "/data");
  CHECK(config.store_mode == StoreMode::declared);
  CHECK(mistake_of("store: {mode: replica}") ==
        "store.mode: \"replica\" is no mode; allowed is managed, declared");
  CHECK(mistake_of("store: {mode: declared}") ==
        "store.mode: a declared store needs a catalog that declares it");
}

TEST_CASE("what is left unsaid about TLS follows from what is said") {
  const Config tls = config_of({with("tls: {certificate: c.pem, key: k.pem, client_ca: ca.pem}")});
  CHECK(tls.listen.at(0).endpoint.to_string() == "127.0.0.1:8443");
  CHECK(tls.listen.at(0).tls == true);
  CHECK(tls.tls.client_certificate == ClientCertificate::required);
  const Config plain = config_of({with("")});
  CHECK(plain.listen.at(0).endpoint.to_string() == "127.0.0.1:8080");
  CHECK(plain.listen.at(0).tls == false);
  const Config mixed =
      config_of({with("tls: {certificates: [both.pem, {certificate: c.pem, key: k.pem}], client_ca: ca.pem, "
                      "client_certificate: none}\n"
                      "trusted_proxies: 10.0.0.0/8\n"
                      "listen: ['0.0.0.0:1', {address: '0.0.0.0:2', tls: false}, {address: '[::]:3', "
                      "proxy_protocol: true}]\n")});
  CHECK(mixed.tls.pairs == std::vector<KeyPair>{{"both.pem", ""}, {"c.pem", "k.pem"}});
  CHECK(mixed.tls.client_certificate == ClientCertificate::none);
  CHECK(mixed.listen == std::vector<Listen>{{{"0.0.0.0", 1, ""}, true, false},
                                            {{"0.0.0.0", 2, ""}, false, false},
                                            {{"::", 3, ""}, true, true}});
}

TEST_CASE("a section whose lines are all commented out is no mistake") {
  CHECK(config_of({with("timeouts:\n  # head: 1s\n")}).timeouts.head == 10s);
}

TEST_CASE("a flag goes over the environment, the environment over the file, the file over the default") {
  const std::string file = with("shards: 2\nlisten: 127.0.0.1:2\n");
  const Pairs environment = {{"POSTERN_SHARDS", "3"}, {"POSTERN_LISTEN", "127.0.0.1:3"}};
  const Pairs flags = {{"shards", "4"}, {"listen", "127.0.0.1:4"}};
  const auto shards_and_port = [](const Config& config) {
    return std::pair(config.shards, config.listen.at(0).endpoint.port);
  };
  CHECK(shards_and_port(config_of({with("")})) == std::pair(0u, std::uint16_t{8080}));
  CHECK(shards_and_port(config_of({file})) == std::pair(2u, std::uint16_t{2}));
  CHECK(shards_and_port(config_of({file, environment})) == std::pair(3u, std::uint16_t{3}));
  CHECK(shards_and_port(config_of({file, environment, flags})) == std::pair(4u, std::uint16_t{4}));
  CHECK(shards_and_port(config_of({with(""), {}, flags})) == std::pair(4u, std::uint16_t{4}));
}

TEST_CASE("nested keys and lists come from the environment too, and a list replaces the one below it") {
  const Config config = config_of({with("trusted_proxies: [172.16.0.0/12]"),
                                   {{"POSTERN_TIMEOUTS_HEAD", "3s"},
                                    {"POSTERN_ADMIN_LISTEN", "127.0.0.1:9180"},
                                    {"POSTERN_LISTEN", "127.0.0.1:1, [::1]:2,unix:/run/a"},
                                    {"POSTERN_TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8"},
                                    {"POSTERN_PRESERVE_HOST", "false"}}});
  CHECK(config.timeouts.head == 3s);
  CHECK(config.timeouts.body == 30s);
  CHECK(config.admin_listen.at(0).port == 9180);
  REQUIRE(config.listen.size() == 3);
  CHECK(config.listen[1].endpoint.to_string() == "[::1]:2");
  REQUIRE(config.trusted_proxies.size() == 2);
  CHECK(to_string(config.trusted_proxies[0]) == "10.0.0.0/8");
  CHECK_FALSE(config.preserve_host);
  // An empty variable is a value: it takes the list away.
  CHECK(config_of({with("trusted_proxies: [10.0.0.0/8]"), {{"POSTERN_TRUSTED_PROXIES", ""}}})
            .trusted_proxies.empty());
}

TEST_CASE("a flag of a list may come several times") {
  const Config config =
      config_of({with(""), {}, {{"listen", "127.0.0.1:1"}, {"listen", "127.0.0.1:2,127.0.0.1:3"}}});
  CHECK(config.listen.size() == 3);
}

TEST_CASE("a mistake in the environment or a flag names its source") {
  const Read result =
      read({with(""),
            {{"POSTERN_SHARDS", "many"}, {"POSTERN_LISTEN", "127.0.0.1:1,x"}, {"POSTERN_LISEN", "x"}},
            {{"store", ""}}});
  CHECK(result.mistakes ==
        std::vector<std::string>{
            "POSTERN_LISEN: unknown variable; did you mean \"POSTERN_LISTEN\"?",
            "POSTERN_LISTEN: listen: \"x\" is not an address; write host:port, [ipv6]:port or unix:/path",
            "POSTERN_SHARDS: shards: \"many\" is not a whole number",
            "--store: store: the path is empty",
        });
}

TEST_CASE("variables of a Kubernetes service called postern do not stop the start") {
  CHECK(config_of({with(""),
                   {{"POSTERN_SERVICE_HOST", "10.0.0.1"},
                    {"POSTERN_SERVICE_PORT", "8080"},
                    {"POSTERN_SERVICE_PORT_HTTP_ADMIN", "8080"},
                    {"POSTERN_PORT", "tcp://10.0.0.1:8080"},
                    {"POSTERN_PORT_8080_TCP", "tcp://10.0.0.1:8080"},
                    {"POSTERN_PORT_8080_TCP_PROTO", "tcp"},
                    {"POSTERN_PORT_8080_TCP_ADDR", "10.0.0.1"},
                    {"POSTERN_PORT_53_UDP", "udp://10.0.0.1:53"},
                    {"POSTERN_ADMIN_SERVICE_HOST", "10.0.0.2"},
                    {"POSTERN_ADMIN_PORT_9180_TCP_PORT", "9180"},
                    {"POSTERN_CONFIG", "/ignored/here"},
                    {"PATH", "/bin"},
                    {"POSTERNISH", "x"}}})
            .shards == 0);
  for (const std::string name :
       {"POSTERN_PORTS", "POSTERN_PORT_X_TCP", "POSTERN_PORT_80_XYZ", "POSTERN_SERVICE"}) {
    CAPTURE(name);
    CHECK(read({with(""), {{name, "1"}}}).mistakes.size() == 1);
  }
}

TEST_CASE("all mistakes come at once, whatever their source, with line and column") {
  const Read result =
      read({"lisen: 0.0.0.0:80\n"
            "upstream: localhost:3000\n"
            "policy:\n"
            "store: {mode: replica}\n"
            "timeouts:\n"
            "  haed: 10s\n"
            "  body: 10\n"
            "trusted_proxies: [10.0.0.0/8, 0.0.0.0/0]\n"
            "policy: again\n",
            {{"POSTERN_SHARDS", "x"}},
            {{"log.level", "loud"}}});
  CHECK(
      result.mistakes ==
      std::vector<std::string>{
          "f:9:1: key \"policy\" is given twice, first in line 3",
          "f:1:1: unknown key \"lisen\"; did you mean \"listen\"?",
          "f:2:11: upstream: \"localhost:3000\" is not an upstream; did you mean \"http://localhost:3000\"?",
          "f:3:1: policy: has no value",
          "f:4:15: store.mode: \"replica\" is no mode; allowed is managed, declared",
          "f:6:3: unknown key \"timeouts.haed\"; did you mean \"head\"?",
          "f:7:9: timeouts.body: \"10\" is not a duration; write it as 250ms, 10s, 5m or 1h30m",
          "f:8:31: trusted_proxies: \"0.0.0.0/0\" would trust everybody; name the networks of the proxies in "
          "front",
          "POSTERN_SHARDS: shards: \"x\" is not a whole number",
          "--log-level: log.level: \"loud\" is no log level; allowed is error, warning, info, debug",
      });
}

TEST_CASE("upstream and policy are required for serving, not for opening the store") {
  CHECK(read({"store: /data\n"}).mistakes ==
        std::vector<std::string>{
            "f: upstream is missing; set it in the file, by POSTERN_UPSTREAM or by --upstream",
            "f: policy is missing; set it in the file, by POSTERN_POLICY or by --policy",
        });
  CHECK(config_of({.file = "store: /data\n", .store_only = true}).store == "/data");
  CHECK(config_of({"", {{"POSTERN_UPSTREAM", "http://a"}}, {{"policy", "p"}}}).upstream.endpoint.host == "a");
}

TEST_CASE("of a file that cannot be read nothing is said to be missing") {
  CHECK(read({"upstream: 'x\n"}).mistakes == std::vector<std::string>{"f:1:11: a quote is not closed"});
  CHECK(read({"- a\n"}).mistakes.at(0) == "f:1:1: a configuration is a mapping of keys to values");
}

TEST_CASE("with --dev no policy is needed and nobody but this machine gets in") {
  const Config config = config_of({.file = "upstream: http://a\n", .dev = true});
  CHECK(config.dev);
  CHECK(config.policy.empty());
  const Read result = read({.file = "upstream: http://a\n"
                                    "listen: [127.0.0.1:1, 0.0.0.0:2]\n"
                                    "admin: {listen: 127.0.0.1:3}\n"
                                    "metrics: {listen: 10.0.0.1:4}\n",
                            .dev = true});
  CHECK(result.mistakes ==
        std::vector<std::string>{
            "f:2:9: listen: with --dev only loopback addresses are allowed, not \"0.0.0.0:2\"",
            "f:4:19: metrics.listen: with --dev only loopback addresses are allowed, not \"10.0.0.1:4\"",
            "f:3:17: admin.listen: there is no admin API with --dev",
        });
}

TEST_CASE("an address is listened on once") {
  CHECK(mistake_of("admin: {listen: '127.0.0.1:8080'}") ==
        "admin.listen: \"127.0.0.1:8080\" is an address of listen already");
  CHECK(mistake_of("listen: ['unix:/a', 'unix:/a']") ==
        "listen: \"unix:/a\" is an address of listen already");
  CHECK(config_of({with("listen: [127.0.0.1:0, 127.0.0.1:0]")}).listen.size() == 2);
}

TEST_CASE("the file is the one that was asked for, by flag before variable") {
  const test::TemporaryDirectory directory;
  const std::string by_flag = directory.write("flag.yaml", with("shards: 1\n"));
  const std::string by_variable = directory.write("variable.yaml", with("shards: 2\n"));
  ConfigSources sources;
  sources.environment = Pairs{{"POSTERN_CONFIG", by_variable}};

  Diagnostics diagnostics;
  auto loaded = load_config(sources, diagnostics);
  REQUIRE(loaded.has_value());
  CHECK(loaded->config.shards == 2);
  CHECK(loaded->document.file == by_variable);

  sources.file = by_flag;
  loaded = load_config(sources, diagnostics);
  REQUIRE(loaded.has_value());
  CHECK(loaded->config.shards == 1);
  CHECK(diagnostics.empty());
}

TEST_CASE("a file that was asked for and is missing is a mistake") {
  ConfigSources sources;
  sources.environment = Pairs{};
  sources.file = "/nonexistent/postern.yaml";
  Diagnostics diagnostics;
  yaml::Document document;
  CHECK_FALSE(load_config(sources, diagnostics, &document).has_value());
  REQUIRE(diagnostics.size() == 1);
  CHECK(diagnostics.items()[0].position.to_string() == "/nonexistent/postern.yaml");
  CHECK(diagnostics.items()[0].message == "cannot be opened: No such file or directory");
}

TEST_CASE("the process's own variables are read when none are given") {
  ::setenv("POSTERN_SHARDS", "5", 1);
  const Variables variables = postern_variables(ConfigSources{});
  ::unsetenv("POSTERN_SHARDS");
  CHECK(std::count(variables.begin(), variables.end(), Variables::value_type{"POSTERN_SHARDS", "5"}) == 1);
  CHECK(std::all_of(variables.begin(), variables.end(),
                    [](const auto& variable) { return variable.first.starts_with("POSTERN_"); }));
}

TEST_CASE("mistakes that were there before do not let a configuration pass or fail") {
  Diagnostics diagnostics;
  diagnostics.add({"other", 0, 0}, "earlier");
  const yaml::Document document = yaml::parse("f", with(""), diagnostics);
  ConfigSources sources;
  sources.environment = Pairs{};
  CHECK(read_config(document, sources, diagnostics).has_value());
  CHECK_FALSE(read_config(yaml::Document{}, sources, diagnostics).has_value());
  CHECK(diagnostics.size() == 1);
}

TEST_CASE("sources of credentials") {
  using enum CredentialPlace;
  CHECK(config_of({with("")}).credentials == std::vector<CredentialSource>{{authorization, ""}});
  CHECK(
      config_of(
          {with("credentials: [authorization, {header: X-API-Key}, {cookie: session}, {query: access_token}, "
                "{websocket_protocol: postern.bearer}]")})
          .credentials == std::vector<CredentialSource>{{authorization, ""},
                                                        {header, "x-api-key"},
                                                        {cookie, "session"},
                                                        {query, "access_token"},
                                                        {websocket_protocol, "postern.bearer"}});
  CHECK(config_of({with("credentials: {cookie: s}")}).credentials ==
        std::vector<CredentialSource>{{cookie, "s"}});
  CHECK(config_of({with(""), {{"POSTERN_CREDENTIALS", "authorization, header:X-API-Key"}}}).credentials ==
        std::vector<CredentialSource>{{authorization, ""}, {header, "x-api-key"}});
  for (const std::string name :
       {"Authorization", "Host", "content-length", "Cookie", "Connection", "X-Forwarded-Token",
        "Sec-WebSocket-Protocol", "X-Subject-Id", "x-subject", "X_Key", "", "Proxy-Authorization",
        "X-Request-Id", "a b", "X-HTTP-Method", "Transfer-Encoding", "Traceparent", "-X"}) {
    CAPTURE(name);
    CHECK(mistake_of("credentials: [{header: \"" + name + "\"}]").starts_with("credentials: "));
  }
  const std::vector<Refusal> rows = {
      {"credentials: []", "credentials: the list is empty; leave it out for Authorization alone"},
      {"credentials: [{cookie: a}, {cookie: a}]", "credentials: this source is named twice"},
      {"credentials: [{header: X-Key}, {header: x-key}]", "credentials: this source is named twice"},
      {"credentials: [{cokie: a}]",
       "credentials: unknown source \"cokie\" of a credential; did you mean \"cookie\"?"},
      {"credentials: [{header: Authorization}]",
       "credentials: \"Authorization\" has a meaning of its own; write 'authorization'"},
      {"credentials: [{header: X-Subject-Key}]",
       "credentials: \"x-subject-key\" lies among the subject headers \"X-Subject-*\""},
  };
  for (const Refusal& row : rows) {
    CAPTURE(row.given);
    CHECK(mistake_of(row.given) == row.mistake);
  }
}
