// The middle of a request: canonicalise, match, authenticate, decide, and write down what follows from it.
// One plain function; nothing in it suspends, locks or allocates (but for a catalog that has changed).

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "conf/config.hpp"
#include "policy/policy.hpp"
#include "proxy/answer.hpp"
#include "proxy/exchange.hpp"
#include "proxy/failure_table.hpp"
#include "proxy/header_rules.hpp"
#include "proxy/injected_headers.hpp"
#include "proxy/metrics.hpp"
#include "proxy/tls_client.hpp"
#include "proxy/usage_ledger.hpp"
#include "store/reader.hpp"

namespace postern {

/// An upstream and what every request to it carries.
struct ConfiguredUpstream {
  Upstream settings;
  InjectedHeaders headers;
  std::shared_ptr<const TlsClient> tls;  ///< null: it is spoken to in plain text
};

/// What a reload replaces, as one: no request sees half of it.
struct Snapshot : std::enable_shared_from_this<Snapshot> {
  Config config;
  std::shared_ptr<const policy::Policy> policy;
  /// As Config::all_upstreams() orders them: the same in every snapshot of a process, but for their headers.
  std::vector<ConfiguredUpstream> upstreams;
  std::vector<std::string> credential_fields;  ///< of the configuration and of any rule
};

/// The other end of a client connection.
struct Peer {
  std::array<std::uint8_t, 16> address{};  ///< IPv4 as mapped IPv6; all zero for a Unix socket
  BoundedText<46> text;                    ///< "192.0.2.1"; empty for a Unix socket
  /// The address is that of whoever speaks. Not so behind a PROXY header that announced nobody: then it is
  /// the proxy's, and what anyone behind it says must not be believed for that.
  bool known = false;
  bool tls = false;
  /// It asks about requests of somebody else, and may: what it says of them is believed, and its certificate
  /// is not theirs.
  bool asks_for_another = false;
  std::string certificate;  ///< subject of its verified certificate, as RFC 2253 writes it; empty: none
  UnixSeconds certificate_expires = 0;
};

class Gate {
 public:
  Gate(store::Reader reader, std::shared_ptr<const Snapshot> snapshot, ShardMetrics& metrics);

  void use(std::shared_ptr<const Snapshot> snapshot) noexcept;
  /// While the files we read are no longer those at the store's place, nobody can be told by them.
  void set_store_lost(bool lost) noexcept { store_lost_ = lost; }
  [[nodiscard]] const Snapshot& snapshot() const noexcept { return *snapshot_; }
  [[nodiscard]] const HeaderRules& header_rules() const noexcept { return header_rules_; }

  /// Which tokens were seen; its owner hands over from time to time.
  [[nodiscard]] UsageLedger& usage() noexcept { return usage_; }

  struct Ruling {
    bool allowed = false;
    Answer answer;  ///< when not allowed
    bool trusted_peer = false;
  };
  /// Who sends the request on when it is allowed. Another proxy sends what it was sent, and may take an
  /// escaped slash for one, so for others none is ever kept.
  enum class Forwarding : std::uint8_t { by_us = 0, by_others };
  /// Rules on the request in `exchange.request` and fills its facts, path, host and subject block. `now` in
  /// Unix seconds.
  [[nodiscard]] Ruling rule(Exchange& exchange, const Peer& peer, UnixSeconds now,
                            Forwarding forwarding = Forwarding::by_us) noexcept;

  /// Looks again at an exchange that was let through: nothing while it may go on, else what it would be told
  /// now.
  [[nodiscard]] std::optional<Answer> look_again(const Exchange& exchange, const Peer& peer,
                                                 UnixSeconds now) noexcept;

 private:
  [[nodiscard]] std::optional<Answer> canonicalise(Exchange& exchange, Forwarding forwarding) noexcept;
  [[nodiscard]] Ruling judge(Exchange& exchange, const policy::Match& match, const Peer& peer,
                             std::span<const std::uint8_t, 16> client, UnixSeconds now) noexcept;
  /// Counts a token that is none. The seconds to wait when this client showed too many, else 0.
  [[nodiscard]] int count_failure(std::span<const std::uint8_t, 16> client, UnixSeconds now) noexcept;
  [[nodiscard]] const policy::Condition* failed_condition(const Exchange& exchange, const policy::Rule& rule,
                                                          std::span<const std::uint8_t, 16> client,
                                                          bool trusted) const noexcept;
  [[nodiscard]] bool is_kept_back(std::string_view name, const policy::Rule& rule) const noexcept;
  void set_rule_headers(Exchange& exchange, const policy::Rule* rule) const noexcept;
  [[nodiscard]] policy::Match match(const Exchange& exchange) const noexcept;
  [[nodiscard]] CredentialSources sources(const policy::Match& match) const noexcept;
  const policy::Binding& binding(const policy::Catalog& catalog);

  store::Reader reader_;
  std::shared_ptr<const Snapshot> snapshot_;
  HeaderRules header_rules_;
  ShardMetrics& metrics_;
  FailureTable failures_;
  UsageLedger usage_;
  policy::Binding binding_;
  std::uint64_t bound_version_ = 0;
  bool bound_ = false;
  bool store_lost_ = false;
};

/// The subject of its certificate, empty when there is none any more: it may expire while the connection
/// lasts. Good as long as the peer.
[[nodiscard]] inline std::string_view certificate_at(const Peer& peer, UnixSeconds now) noexcept {
  return now < peer.certificate_expires ? std::string_view(peer.certificate) : std::string_view();
}

/// Whether the peer's address is that of a proxy whose word on clients and requests before it counts.
[[nodiscard]] bool is_trusted(const Peer& peer, const std::vector<Network>& trusted) noexcept;

/// The client's address: the peer's, or, when that is a trusted proxy or asks for another, the last address
/// in X-Forwarded-For that is not one. What is not an address ends the walk. `text` gets its spelling.
[[nodiscard]] std::array<std::uint8_t, 16> client_address(const RequestHead& head, const char* buffer,
                                                          const Peer& peer,
                                                          const std::vector<Network>& trusted,
                                                          BoundedText<46>& text) noexcept;

}  // namespace postern
