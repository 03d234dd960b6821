// The configuration as the program uses it: plain values, already validated. Where each value comes from, its
// meaning, unit, default and bounds stand in one table (option.hpp); nothing here is parsed by hand
// elsewhere.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/credential_source.hpp"
#include "conf/diagnostic.hpp"

namespace postern {

/// Where we listen or connect: a TCP host and port, or the path of a Unix socket.
struct Endpoint {
  std::string host;  ///< name or IP literal without brackets; empty for a Unix socket
  std::uint16_t port = 0;
  std::string unix_path;  ///< empty for TCP
  [[nodiscard]] bool is_unix() const noexcept { return !unix_path.empty(); }
  [[nodiscard]] bool is_set() const noexcept { return is_unix() || !host.empty(); }
  /// "127.0.0.1:8080", "[::1]:8080" or "unix:/run/app.sock".
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// An IPv4 or IPv6 network, `10.0.0.0/8`. IPv4 is kept as an IPv4-mapped IPv6 address (prefix + 96).
struct Network {
  std::uint8_t address[16] = {};
  std::uint8_t prefix = 0;  ///< bits, 0 to 128 of the mapped form
  friend bool operator==(const Network&, const Network&) = default;
};

/// Files of one certificate: its chain, leaf first, and its private key.
struct KeyPair {
  std::string certificate;
  std::string key;  ///< empty: in the certificate's file
  friend bool operator==(const KeyPair&, const KeyPair&) = default;
};

/// Where an upstream answers.
struct UpstreamAddress {
  Endpoint endpoint;
  std::string authority;  ///< as in Host: without the scheme's own port; "localhost" for a Unix socket
  bool tls = false;       ///< https://
  friend bool operator==(const UpstreamAddress&, const UpstreamAddress&) = default;
};

/// A header that every request to an upstream carries: a credential of our own, so never printed.
struct UpstreamHeader {
  std::string name, value;
  friend bool operator==(const UpstreamHeader&, const UpstreamHeader&) = default;
};

/// Asking an address whether it is well, whatever the requests say.
struct HealthCheck {
  std::string path;  ///< empty: nobody asks
  std::chrono::milliseconds interval{}, timeout{};
  std::uint32_t healthy = 0;    ///< good answers in a row until an unhealthy address is used again
  std::uint32_t unhealthy = 0;  ///< bad ones in a row until it is not
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

/// TLS towards an upstream: how it is verified, and what we show it.
struct UpstreamTls {
  std::string ca;           ///< file of those who may vouch for it; empty: whom the system trusts
  KeyPair pair;             ///< our own; without certificate: none
  std::string server_name;  ///< that its certificate must have, and that we ask for; empty: its host
  friend bool operator==(const UpstreamTls&, const UpstreamTls&) = default;
};

/// An API behind us, by the name that rules know it by.
struct Upstream {
  std::string name;
  std::vector<UpstreamAddress> addresses;  ///< at least one; all serve the same
  std::vector<UpstreamHeader> headers;
  std::string headers_file;           ///< more of them, read again when it changes; empty = none
  std::chrono::milliseconds resolve;  ///< how often names are looked up again
  HealthCheck health;
  UpstreamTls tls;  ///< when its addresses are https://, as all are then
  [[nodiscard]] bool speaks_tls() const noexcept { return !addresses.empty() && addresses.front().tls; }
  friend bool operator==(const Upstream&, const Upstream&) = default;
};
/// The upstream of rules that name none.
inline constexpr std::string_view default_upstream = "default";

/// Whether a listener only tells what it would do, and where the request stands that another proxy asks
/// about.
enum class Decide : std::uint8_t {
  none = 0,     ///< it does it
  x_original,   ///< X-Original-Method, X-Original-URI, and Host: nginx, which understands 2xx, 401 and 403
  x_forwarded,  ///< X-Forwarded-Method, -Uri and -Host: Traefik, Caddy
  request,      ///< the request asks about itself: Envoy
};

/// A place where clients connect, and what is spoken there before the first request.
struct Listen {
  Endpoint endpoint;
  std::optional<bool> tls;      ///< when not said: with a certificate yes; always said once it is loaded
  bool proxy_protocol = false;  ///< a trusted proxy in front announces the client's address
  Decide decide = Decide::none;
  friend bool operator==(const Listen&, const Listen&) = default;
};

enum class ClientCertificate : std::uint8_t { none = 0, optional, required };

/// TLS towards clients.
struct Tls {
  KeyPair pair;                ///< for who asks for no name, or for one that no certificate has
  std::vector<KeyPair> pairs;  ///< further ones, chosen by the name a client asks for
  std::string client_ca;       ///< file of those who may vouch for clients
  ClientCertificate client_certificate =
      ClientCertificate::none;  ///< `required` with a client_ca, unless said
  [[nodiscard]] bool configured() const noexcept { return !pair.certificate.empty() || !pairs.empty(); }
};

/// Who says what the store holds: commands, or the catalog file alone.
enum class StoreMode : std::uint8_t { managed = 0, declared };

enum class LogLevel : std::uint8_t { error = 0, warning, info, debug };

struct Timeouts {
  std::chrono::milliseconds head, body, idle, connect, response, drain, drain_delay;
};

struct Limits {
  std::uint64_t body;         ///< bytes of one request body, 0 = unlimited: 413
  std::uint32_t connections;  ///< client connections at once, in all: further ones are closed at once
  std::uint32_t upstream_connections;      ///< per shard, busy and idle together: 503
  std::uint32_t requests_per_connection;   ///< then `Connection: close`, 0 = unlimited
  std::uint64_t head, target;              ///< bytes, within the bounds of limits.hpp: 431, 414
  std::uint32_t fields;                    ///< of a request head: 431
  std::uint32_t connections_per_client;    ///< of one address (IPv6: /64), 0 = unlimited: closed at once
  std::uint32_t requests_in_flight;        ///< over all shards, 0 = unlimited: 503
  std::uint32_t auth_failures_per_minute;  ///< of one address and shard, 0 = unlimited: 429 instead of 401
  std::uint64_t body_rate_min;             ///< bytes a second, 0 = any: 408
};

/// Spans of requests for a collector.
struct Tracing {
  std::string endpoint;              ///< URL that takes OTLP over HTTP; empty: none are sent
  std::uint32_t sample_percent = 0;  ///< of traces that begin here
  std::string service_name;
};

struct Config {
  std::vector<Listen> listen;
  Tls tls;
  UpstreamAddress upstream;         ///< short for one entry of `upstreams`; without endpoint: not given
  std::vector<Upstream> upstreams;  ///< as written; all_upstreams() is what to use
  bool preserve_host = true;        ///< upstream sees the client's Host
  std::string store;                ///< directory
  StoreMode store_mode = StoreMode::managed;
  std::uint64_t store_size_max = 0;    ///< bytes of address space reserved for the map
  std::string policy;                  ///< file; empty only with --dev
  std::string catalog;                 ///< file applied at start and when it changes; empty = none
  std::vector<Endpoint> admin_listen;  ///< empty = no admin listener
  std::string handover;  ///< path of the Unix socket where a new process takes over; empty = none
  std::vector<Endpoint> metrics_listen;       ///< empty = metrics and health live on the admin listener
  std::string header_prefix;                  ///< "X-Subject-"
  bool header_permissions = false;            ///< whether the permissions header is injected
  bool disable_on_reuse = false;              ///< whether use of an old secret disables its token
  bool header_token_expires = false;          ///< whether answers say when their token expires
  std::string realm;                          ///< in WWW-Authenticate
  std::string token_prefix;                   ///< "pst_"
  std::vector<CredentialSource> credentials;  ///< where one may stand, unless a rule says otherwise
  std::vector<Network> trusted_proxies;
  Timeouts timeouts;
  Limits limits;
  std::chrono::milliseconds recheck{};  ///< of open exchanges, 0 = never
  std::uint32_t shards = 0;             ///< 0 = one per core we may run on
  std::string access_log;               ///< "-" standard output, "off", or a file
  LogLevel log_level = LogLevel::info;
  Tracing tracing;
  bool dev = false;  ///< --dev

  /// Every upstream, however it was written, in a fixed order: requests know theirs by its index.
  [[nodiscard]] std::vector<Upstream> all_upstreams() const;
};

}  // namespace postern
