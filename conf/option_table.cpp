#include <algorithm>

#include "conf/limits.hpp"
#include "conf/option_value.hpp"

namespace postern {
namespace {

/// A mapping, not a list of values: only the file can hold it.
constexpr OptionValue upstreams_value = {
    .read = option_value<read_upstreams, &Config::upstreams>.read,
    .same = option_value<read_upstreams, &Config::upstreams>.same,
    .copy = option_value<read_upstreams, &Config::upstreams>.copy,
};

constexpr auto read_listens = read_list<read_listen, 1, limits::listeners_max, Listen>;
constexpr auto read_key_pairs = read_list<read_key_pair, 0, limits::key_pairs_max, KeyPair>;
constexpr auto read_listeners = read_list<read_endpoint, 1, limits::listeners_max, Endpoint>;
constexpr auto read_networks = read_list<read_network, 0, limits::trusted_proxies_max, Network>;

constexpr Change reload = Change::reload;
constexpr Change restart = Change::restart;
constexpr bool open = false;  // in the column `secret`

// clang-format off
// A restart is asked for where a running server has built something on the value: sockets, the store, the upstream pool,
// the names of the headers that its upstream believes.
constexpr Option table[] = {
  // name, meaning, unit, default, bounds, change, secret, flag, value
  {"listen", "Where clients connect; port 8443 with TLS, unless said", "address", "127.0.0.1:8080", "host:port, unix:/path or {address, tls, proxy_protocol, decide}", restart, open, "--listen", option_value<read_listens, &Config::listen>},
  {"tls.certificate", "Certificate shown to clients, its chain behind it; with it TLS is spoken", "path", "", "", reload, open, "", option_value<read_optional_path, &Config::tls, &Tls::pair, &KeyPair::certificate>},
  {"tls.key", "Its private key; without it in the certificate's file", "path", "", "", reload, open, "", option_value<read_optional_path, &Config::tls, &Tls::pair, &KeyPair::key>},
  {"tls.certificates", "Further certificates, chosen by the name a client asks for", "path or {certificate, key}", "", "", reload, open, "", option_value<read_key_pairs, &Config::tls, &Tls::pairs>},
  {"tls.client_ca", "Certificates of those who vouch for clients", "path", "", "", reload, open, "", option_value<read_optional_path, &Config::tls, &Tls::client_ca>},
  {"tls.client_certificate", "Whether clients must show one; `required` with a client_ca, unless said", "word", "", "none, optional, required", reload, open, "", option_value<read_client_certificate, &Config::tls, &Tls::client_certificate>},
  {"upstream", "The API behind us: short for the entry `default` of `upstreams`; one of the two is required", "URL", "", "http://host:port, https://host:port or unix:/path", restart, open, "--upstream", option_value<read_upstream_url, &Config::upstream>},
  {"upstreams", "The APIs behind us by name, each with the keys below; rules choose by `upstream: NAME`, those that do not use `default` or the only one", "mapping", "", "", restart, open, "", upstreams_value},
  {"preserve_host", "Whether the upstream sees the client's Host instead of its own name", "boolean", "true", "", restart, open, "", option_value<read_bool, &Config::preserve_host>},
  {"store", "Directory of the token store; `directory` where `store` has keys of its own", "path", "/var/lib/postern", "", restart, open, "--store", option_value<read_path, &Config::store>},
  {"store.mode", "Who says what the store holds: commands, or the catalog alone, which then deletes what it does not declare", "word", "managed", "managed, declared", restart, open, "", option_value<read_store_mode, &Config::store_mode>},
  {"store_size_max", "Address space reserved for the store; its file grows only as it fills", "bytes", "64GiB", "1MiB to 64TiB", restart, open, "", option_value<read_bytes, &Config::store_size_max>},
  {"policy", "File of the rules; required, except with --dev", "path", "", "", reload, open, "--policy", option_value<read_path, &Config::policy>},
  {"catalog", "File of permissions, roles, groups, licenses, users and tokens that is applied at start and when it changes", "path", "", "", restart, open, "--catalog", option_value<read_optional_path, &Config::catalog>},
  {"admin.listen", "Where health, metrics and the admin API answer; none without it", "address", "", "", restart, open, "--admin-listen", option_value<read_listeners, &Config::admin_listen>},
  {"metrics.listen", "Where health and metrics answer, apart from the admin API", "address", "", "", restart, open, "", option_value<read_listeners, &Config::metrics_listen>},
  {"handover", "Unix socket at which a new process takes the listening sockets over from this one; none without it", "path", "", "", restart, open, "", option_value<read_socket_path, &Config::handover>},
  {"headers.prefix", "Begin of the names of all headers that tell the upstream who is asking", "text", "X-Subject-", "up to 64 letters, digits and '-', ending in '-'", restart, open, "", option_value<read_header_prefix, &Config::header_prefix>},
  {"headers.permissions", "Whether the subject's permissions are among those headers", "boolean", "false", "", restart, open, "", option_value<read_bool, &Config::header_permissions>},
  {"headers.token_expires", "Whether answers to clients say in X-Token-Expires when their token, or its owner, ends; the upstream's own field of that name is dropped", "boolean", "false", "", reload, open, "", option_value<read_bool, &Config::header_token_expires>},
  {"realm", "Realm in WWW-Authenticate", "text", "postern", "up to 128 printable ASCII characters without quote and backslash", restart, open, "", option_value<read_realm, &Config::realm>},
  {"token_prefix", "Begin of every secret made from now on, for scanners to find", "text", "pst_", "up to 15 letters and digits, then '_'", restart, open, "", option_value<read_token_prefix, &Config::token_prefix>},
  {"tokens.disable_on_reuse", "Whether a token is disabled when an old secret of it is used after it was rotated out", "boolean", "false", "", reload, open, "", option_value<read_bool, &Config::disable_on_reuse>},
  {"credentials", "Where a request may carry its token; a rule may have a list of its own", "source", "authorization", "`authorization`, `{header: NAME}`, `{cookie: NAME}`, `{query: NAME}`, `{websocket_protocol: NAME}`; `header:NAME` in variables", reload, open, "", option_value<read_credentials, &Config::credentials>},
  {"trusted_proxies", "Networks whose forwarding headers are believed", "network", "", "none that holds all of IPv4 or IPv6", reload, open, "", option_value<read_networks, &Config::trusted_proxies>},
  {"timeouts.head", "How long a client may take to send a request head", "duration", "10s", "10ms to 1h", reload, open, "", option_value<read_duration, &Config::timeouts, &Timeouts::head>},
  {"timeouts.body", "How long a client may pause in sending a body, or either side in taking one", "duration", "30s", "10ms to 1h", reload, open, "", option_value<read_duration, &Config::timeouts, &Timeouts::body>},
  {"timeouts.idle", "How long a connection is kept open between requests, and an answer, a stream or a tunnel may be silent", "duration", "60s", "10ms to 1h", reload, open, "", option_value<read_duration, &Config::timeouts, &Timeouts::idle>},
  {"timeouts.connect", "How long connecting to the upstream may take", "duration", "2s", "10ms to 1m", reload, open, "", option_value<read_duration, &Config::timeouts, &Timeouts::connect>},
  {"timeouts.response", "How long the upstream may take to begin its answer", "duration", "30s", "10ms to 1h", reload, open, "", option_value<read_duration, &Config::timeouts, &Timeouts::response>},
  {"timeouts.drain", "How long running requests may go on after SIGTERM", "duration", "25s", "0s to 1h", reload, open, "", option_value<read_duration, &Config::timeouts, &Timeouts::drain>},
  {"timeouts.drain_delay", "How long connections are still accepted after SIGTERM, while readiness already fails, so that whoever sends them can notice; a second SIGTERM ends it", "duration", "0s", "0s to 1h", reload, open, "", option_value<read_duration, &Config::timeouts, &Timeouts::drain_delay>},
  {"limits.body", "Size of one request body, 0 = unlimited; beyond it 413", "bytes", "0", "0 to 16TiB", reload, open, "", option_value<read_bytes, &Config::limits, &Limits::body>},
  {"limits.connections", "Client connections at once; further ones are closed", "count", "10000", "1 to 1000000", reload, open, "", option_value<read_count, &Config::limits, &Limits::connections>},
  {"limits.upstream_connections", "Connections to one upstream per shard, busy and idle; beyond it 503", "count", "1024", "1 to 60000", reload, open, "", option_value<read_count, &Config::limits, &Limits::upstream_connections>},
  {"limits.requests_per_connection", "Requests before a client connection is closed, 0 = unlimited", "count", "0", "0 to 1000000000", reload, open, "", option_value<read_count, &Config::limits, &Limits::requests_per_connection>},
  {"limits.head", "Size of a request head; beyond it 431", "bytes", "16KiB", "256 to 16KiB", reload, open, "", option_value<read_bytes, &Config::limits, &Limits::head>},
  {"limits.target", "Size of a request target; beyond it 414", "bytes", "8KiB", "16 to 8KiB", reload, open, "", option_value<read_bytes, &Config::limits, &Limits::target>},
  {"limits.fields", "Fields of a request head; beyond it 431", "count", "100", "1 to 100", reload, open, "", option_value<read_count, &Config::limits, &Limits::fields>},
  {"limits.connections_per_client", "Connections of one address (IPv6: one /64) at once, 0 = unlimited; further ones are closed", "count", "0", "0 to 1000000", reload, open, "", option_value<read_count, &Config::limits, &Limits::connections_per_client>},
  {"limits.requests_in_flight", "Requests served at once, 0 = unlimited; beyond it 503", "count", "0", "0 to 1000000", reload, open, "", option_value<read_count, &Config::limits, &Limits::requests_in_flight>},
  {"limits.auth_failures_per_minute", "Unusable tokens from one address (IPv6: one /64) per minute and shard before 401 becomes 429, 0 = unlimited; a valid token always passes", "count", "600", "0 to 1000000", reload, open, "", option_value<read_count, &Config::limits, &Limits::auth_failures_per_minute>},
  {"limits.body_rate_min", "Bytes a second, averaged over timeouts.body, that a client must send of a body or take of an answer, 0 = any; slower ones 408 or cut", "bytes", "16", "0 to 1MiB", reload, open, "", option_value<read_bytes, &Config::limits, &Limits::body_rate_min>},
  {"streams.recheck", "How often the token and the rule of a request that is still open are checked again, 0s = never; what no longer holds is cut", "duration", "5s", "0s to 1h", reload, open, "", option_value<read_duration, &Config::recheck>},
  {"shards", "Threads that serve, 0 = one per core", "count", "0", "0 to 256", restart, open, "--shards", option_value<read_count, &Config::shards>},
  {"log.access", "Where the access log goes: `-` standard output, `off`, or a file", "path", "-", "", restart, open, "--access-log", option_value<read_access_log, &Config::access_log>},
  {"log.level", "Least grave message that is logged", "word", "info", "error, warning, info, debug", reload, open, "--log-level", option_value<read_log_level, &Config::log_level>},
  {"tracing.endpoint", "Collector that takes spans of requests by OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`; none are sent without it", "URL", "", "", restart, open, "", option_value<read_http_url, &Config::tracing, &Tracing::endpoint>},
  {"tracing.sample_percent", "How many of a hundred traces that begin here are recorded; those that a client began are as it says", "count", "0", "0 to 100", restart, open, "", option_value<read_count, &Config::tracing, &Tracing::sample_percent>},
  {"tracing.service_name", "What spans call this service", "text", "postern", "up to 128 printable ASCII characters without quote and backslash", restart, open, "", option_value<read_service_name, &Config::tracing, &Tracing::service_name>},
};
// clang-format on

}  // namespace

std::span<const Option> options() noexcept {
  return table;
}

}  // namespace postern
