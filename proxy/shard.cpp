#include "proxy/shard.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "proxy/listener.hpp"
#include "proxy/log_line.hpp"
#include "proxy/span.hpp"

namespace postern {
namespace {

std::uint64_t wall_nanoseconds() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}
std::int64_t wall_milliseconds() noexcept {
  return static_cast<std::int64_t>(wall_nanoseconds() / 1'000'000);
}

}  // namespace

Result<std::unique_ptr<Shard>> Shard::make(std::size_t index, ShardShared& shared, store::Reader reader,
                                           std::shared_ptr<const Snapshot> snapshot) {
  POSTERN_TRY(std::unique_ptr<Reactor> reactor, Reactor::make());
  return std::unique_ptr<Shard>(
      new Shard(index, shared, std::move(reactor), std::move(reader), std::move(snapshot)));
}

Shard::Shard(std::size_t index, ShardShared& shared, std::unique_ptr<Reactor> reactor, store::Reader reader,
             std::shared_ptr<const Snapshot> snapshot)
    : index_(index),
      shared_(shared),
      reactor_(std::move(reactor)),
      gate_(std::move(reader), std::move(snapshot), metrics_),
      exchanges_(*reactor_),
      ticket_keys_(shared.ticket_keys) {
  for (std::size_t i = 0; i < gate_.snapshot().upstreams.size(); ++i)
    upstreams_.push_back(std::make_unique<UpstreamPool>(*reactor_, metrics_));
  apply_snapshot();
}

Shard::~Shard() {
  disarm();  // before the lists are gone
  POSTERN_CHECK(!first_session_);
}

Status Shard::listen(int descriptor, ListenerRole role) {
  auto listener = std::make_unique<Listener>(*this, *reactor_, descriptor, role);
  if (!listener->open()) return Error{ErrorKind::unavailable, "cannot watch a listening socket"};
  listeners_.push_back(std::move(listener));
  return {};
}

void Shard::run() {
  reactor_->run([this] { after_batch(); });
  for (const auto& upstream : upstreams_) upstream->close_idle();
  FrameMemory::empty_cache();
}

void Shard::step(Clock::time_point now, const std::function<void(std::span<epoll_event>)>& arrange) {
  reactor_->step(now, arrange);
  after_batch();
}

void Shard::use_newest(std::function<void()> done) {
  reactor_->post([this, done = std::move(done)] {
    (void)newest_gate();
    done();
  });
}

void Shard::take_newest() noexcept {
  const Snapshot* newest = shared_.newest.load(std::memory_order_acquire);
  if (newest == nullptr || newest == &gate_.snapshot()) return;
  gate_.use(newest->shared_from_this());
  apply_snapshot();
}

void Shard::use(std::shared_ptr<const TlsContext> tls) {
  reactor_->post([this, tls = std::move(tls)] { tls_ = tls; });
}

void Shard::apply_snapshot() noexcept {
  DeadlineLists& deadlines = reactor_->deadlines();
  const Clock::duration recheck_before = deadlines.duration(Wait::recheck);
  deadlines.set_durations(config().timeouts, config().recheck);
  if (deadlines.duration(Wait::recheck) != recheck_before) {
    for (Session* session = first_session_; session; session = session->next)
      if (session->relay()) session->relay()->pause_rechecks();
    for (Session* session = first_session_; session; session = session->next)
      if (session->relay()) session->relay()->begin_rechecks();
  }
  for (std::size_t i = 0; i < upstreams_.size(); ++i) {
    upstreams_[i]->set_connections_max(config().limits.upstream_connections);
    upstreams_[i]->use(gate_.snapshot().upstreams[i].tls);
  }
}

void Shard::hand_over_usage() {
  reactor_->post([this] { gate_.usage().hand_over(); });
}

void Shard::set_store_lost(bool lost) {
  reactor_->post([this, lost] { gate_.set_store_lost(lost); });
}

void Shard::set_upstream_targets(std::size_t upstream, std::vector<UpstreamTarget> targets) {
  reactor_->post(
      [this, upstream, targets = std::move(targets)] { upstreams_[upstream]->set_targets(targets); });
}

void Shard::set_upstream_healthy(std::size_t upstream, std::size_t slot, bool healthy) {
  reactor_->post([this, upstream, slot, healthy] { upstreams_[upstream]->set_healthy(slot, healthy); });
}

void Shard::drain() {
  reactor_->post([this] {
    if (draining_) return;
    draining_ = true;
    for (const auto& listener : listeners_) listener->accept_waiting();
    listeners_.clear();
    reactor_->deadlines().arm(*this, Wait::grace, reactor_->now());
  });
}

void Shard::expire() noexcept {
  past_grace_ = true;
  for (Session* session = first_session_; session; session = session->next) session->end_if_idle();
}

void Shard::stop() {
  reactor_->post([this] {
    draining_ = past_grace_ = stopping_ = true;
    listeners_.clear();
  });
}

std::unique_ptr<Stream> Shard::client_stream(int descriptor, bool tls) {
  if (!tls) return std::make_unique<SocketStream>(*reactor_, descriptor);
  auto stream = std::make_unique<TlsStream>(*reactor_, descriptor, tls_ ? tls_->accept() : Ssl());
  stream->use_ticket_keys(&ticket_keys_);
  stream->keep(tls_);
  return stream;
}

void Shard::begin_session(int descriptor, const SocketAddress& address, ListenerRole role) {
  const std::uint32_t max = config().limits.connections;
  if (max > 0 && shared_.connections.load(std::memory_order_relaxed) >= max) {
    metrics_.connections_refused.add();
    ::close(descriptor);
    return;
  }
  std::unique_ptr<Stream> client = client_stream(descriptor, role.tls);
  if (address.family() != AF_UNIX) {
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  client->nothing_to_read_yet();  // epoll tells at once what is there; until then the connection holds no
                                  // buffers
  if (!client->open()) return;
  Peer peer;
  describe_peer(address, peer.address, peer.text);
  peer.known = !role.proxy_protocol;
  auto session = std::make_unique<Session>(*this, std::move(client), peer, role);
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
  metrics_.connections_accepted.add();
  metrics_.connections_open.add();
  detach(run_session(std::move(session)));
}

Task<void> Shard::run_session(std::unique_ptr<Session> session) {
  link(*session);
  co_await session->run();
  unlink(*session);
  session.reset();
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
  metrics_.connections_open.subtract();
}

void Shard::link(Session& session) noexcept {
  session.next = first_session_;
  if (first_session_) first_session_->previous = &session;
  first_session_ = &session;
}

void Shard::unlink(Session& session) noexcept {
  (session.previous ? session.previous->next : first_session_) = session.next;
  if (session.next) session.next->previous = session.previous;
}

void Shard::account(const Exchange& exchange) noexcept {
  const Facts& facts = exchange.facts;
  const Clock::time_point ended = Clock::now();
  metrics_.requests_by_status[static_cast<std::size_t>(facts.status)].add();
  metrics_.duration.add(std::chrono::duration_cast<std::chrono::microseconds>(ended - facts.began));
  metrics_.body_bytes_received.add(facts.bytes_received);
  metrics_.body_bytes_sent.add(facts.bytes_sent);
  if (shared_.log) log(exchange, ended);
  if (facts.spanned) tell_span(exchange, ended);
}

void Shard::log(const Exchange& exchange, Clock::time_point ended) noexcept {
  char line[limits::log_line_bytes_max];
  const std::size_t size = write_log_line(exchange, wall_milliseconds(), ended, line);
  if (size == 0 || !shared_.log->ring(index_).put({line, size}))
    metrics_.log_lines_dropped.add();
  else
    logged_ = true;
}

void Shard::tell_span(const Exchange& exchange, Clock::time_point ended) noexcept {
  char span[limits::span_bytes_max];
  const std::size_t size = write_span(exchange, wall_nanoseconds(), ended, span);
  if (size == 0 || !shared_.spans->ring(index_).put({span, size})) metrics_.spans_dropped.add();
}

void Shard::after_batch() noexcept {
  if (logged_) {
    shared_.log->wake();
    logged_ = false;
  }
  if (stopping_)
    for (Session* session = first_session_; session; session = session->next) session->abort();
  if (draining_ && !first_session_) reactor_->stop();
}

}  // namespace postern
