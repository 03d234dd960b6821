// One core's world: loop, gate, upstream connections, sessions, numbers. Other threads only post messages to
// it.

#pragma once

#include <atomic>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "proxy/access_log.hpp"
#include "proxy/address.hpp"
#include "proxy/client_counts.hpp"
#include "proxy/exchange.hpp"
#include "proxy/gate.hpp"
#include "proxy/http_date.hpp"
#include "proxy/metrics.hpp"
#include "proxy/reactor.hpp"
#include "proxy/session.hpp"
#include "proxy/span_exporter.hpp"
#include "proxy/ticket_keys.hpp"
#include "proxy/tls_context.hpp"
#include "proxy/trace.hpp"
#include "proxy/upstream_pool.hpp"

namespace postern {

class Listener;

/// What all shards share; outlives them.
struct ShardShared {
  /// The ruleset by which every request is judged that comes from now on, in all shards as of one instant.
  /// Whoever sets it keeps the one before alive until every shard has gone over to it (Shard::use).
  std::atomic<const Snapshot*> newest{nullptr};
  AccessLog* log = nullptr;                                 ///< null: none
  SpanExporter* spans = nullptr;                            ///< null: none
  std::atomic<std::uint32_t> connections{0};                ///< client connections of all shards
  TicketKeys ticket_keys = TicketKeys::make(Clock::now());  ///< each shard goes on with a copy
  std::atomic<std::uint32_t> requests{0};  ///< being served, while limits.requests_in_flight is set
  ClientCounts clients;
};

/// A request's place among those that are served at once.
class RequestSlot {
 public:
  /// `max` of 0: unlimited, and then nothing is counted.
  RequestSlot(std::atomic<std::uint32_t>& requests, std::uint32_t max) noexcept
      : requests_(max > 0 ? &requests : nullptr),
        granted_(max == 0 || requests.fetch_add(1, std::memory_order_relaxed) < max) {}
  ~RequestSlot() {
    if (requests_) requests_->fetch_sub(1, std::memory_order_relaxed);
  }
  RequestSlot(const RequestSlot&) = delete;
  RequestSlot& operator=(const RequestSlot&) = delete;
  [[nodiscard]] bool granted() const noexcept { return granted_; }

 private:
  std::atomic<std::uint32_t>* requests_;
  bool granted_;
};

class Shard : private Deadline {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Shard>> make(std::size_t index, ShardShared& shared,
                                                           store::Reader reader,
                                                           std::shared_ptr<const Snapshot> snapshot);
  ~Shard();

  /// Accepts on a listening socket. The shard owns `descriptor`, its own duplicate. Before run().
  [[nodiscard]] Status listen(int descriptor, ListenerRole role);
  /// Runs until drained or stopped, on the shard's own thread.
  void run();
  /// One round of run(), for simulations: see Reactor::step().
  void step(Clock::time_point now, const std::function<void(std::span<epoll_event>)>& arrange);

  // --- from any thread ---
  /// Goes over to ShardShared::newest, should no request have made it do so, and calls `done` on its thread.
  void use_newest(std::function<void()> done);
  /// What new connections are shown. Also before run().
  void use(std::shared_ptr<const TlsContext> tls);
  /// Whether the store's files are no longer at their place: 503 then.
  void set_store_lost(bool lost);
  /// Where the upstream of this index answers now.
  void set_upstream_targets(std::size_t upstream, std::vector<UpstreamTarget> targets);
  /// What the health check of one of its addresses says.
  void set_upstream_healthy(std::size_t upstream, std::size_t slot, bool healthy);
  [[nodiscard]] const UpstreamMetrics& upstream_metrics(std::size_t upstream) const noexcept {
    return upstreams_[upstream]->metrics();
  }
  /// Has the tokens it saw handed over to usage().
  void hand_over_usage();
  /// The control thread's side of it only, until run() has returned.
  [[nodiscard]] UsageLedger& usage() noexcept { return gate_.usage(); }
  /// Stops accepting and lets busy connections finish; run() returns when the last is gone. Idle ones get a
  /// moment first (Wait::grace): a request may be on its way on them, and closing would lose it.
  void drain();
  /// Ends everything; run() returns soon.
  void stop();
  [[nodiscard]] const ShardMetrics& metrics() const noexcept { return metrics_; }

  // --- for sessions, on the shard's thread ---
  [[nodiscard]] Reactor& reactor() noexcept { return *reactor_; }
  [[nodiscard]] Gate& gate() noexcept { return gate_; }
  /// The gate by the newest ruleset: for judging a request.
  [[nodiscard]] Gate& newest_gate() noexcept {
    if (shared_.newest.load(std::memory_order_acquire) != &gate_.snapshot()) take_newest();
    return gate_;
  }
  [[nodiscard]] const Config& config() const noexcept { return gate_.snapshot().config; }
  [[nodiscard]] UpstreamPool& upstream(std::size_t index) noexcept { return *upstreams_[index]; }
  [[nodiscard]] ExchangePool& exchanges() noexcept { return exchanges_; }
  [[nodiscard]] ShardMetrics& counters() noexcept { return metrics_; }
  [[nodiscard]] ShardShared& shared() noexcept { return shared_; }
  [[nodiscard]] IdSource& ids() noexcept { return ids_; }
  /// For an answer that is made now. Good until the next call.
  [[nodiscard]] std::string_view date() noexcept { return date_.at(std::time(nullptr)); }
  /// No further requests are wanted: answers say so.
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  /// None is waited for any more, either.
  [[nodiscard]] bool past_grace() const noexcept { return past_grace_; }
  /// Counts an exchange that has ended, writes its line in the access log and tells its span.
  void account(const Exchange& exchange) noexcept;

  // --- for its listeners ---
  /// Takes over an accepted connection.
  void begin_session(int descriptor, const SocketAddress& address, ListenerRole role);

 private:
  Shard(std::size_t index, ShardShared& shared, std::unique_ptr<Reactor> reactor, store::Reader reader,
        std::shared_ptr<const Snapshot> snapshot);
  void expire() noexcept override;  ///< the grace is over
  void take_newest() noexcept;
  void apply_snapshot() noexcept;
  [[nodiscard]] std::unique_ptr<Stream> client_stream(int descriptor, bool tls);
  [[nodiscard]] Task<void> run_session(std::unique_ptr<Session> session);
  void log(const Exchange& exchange, Clock::time_point ended) noexcept;
  void tell_span(const Exchange& exchange, Clock::time_point ended) noexcept;
  void link(Session& session) noexcept;
  void unlink(Session& session) noexcept;
  void after_batch() noexcept;

  std::size_t index_;
  ShardShared& shared_;
  std::unique_ptr<Reactor> reactor_;
  ShardMetrics metrics_;
  Gate gate_;
  std::vector<std::unique_ptr<UpstreamPool>> upstreams_;  ///< beside Snapshot::upstreams
  ExchangePool exchanges_;
  IdSource ids_;
  HttpDate date_;
  std::shared_ptr<const TlsContext> tls_;  ///< null: no listener speaks TLS
  TicketKeys ticket_keys_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  Session* first_session_ = nullptr;
  bool draining_ = false;
  bool past_grace_ = false;
  bool stopping_ = false;
  bool logged_ = false;  // something since the last batch
};

}  // namespace postern
