#include "proxy/upstream_pool.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "proxy/operator_log.hpp"

namespace postern {

/// A kept connection with its own deadline.
struct UpstreamPool::Kept final : Deadline {
  UpstreamPool* pool = nullptr;
  Address* address = nullptr;
  std::unique_ptr<Stream> stream;
  Clock::time_point since;
  void expire() noexcept override { pool->drop(*this); }
};

class UpstreamPool::Address {
 public:
  Address(const UpstreamTarget& where, AddressMetrics& numbers) : target(where), metrics(&numbers) {
    numbers.reset();
  }
  UpstreamTarget target;
  Candidate candidate;
  AddressMetrics* metrics;                  // null once retired: its slot may be another's
  std::vector<std::unique_ptr<Kept>> idle;  // the last is the most recent
};

namespace {

bool same(const SocketAddress& a, const SocketAddress& b) noexcept {
  return a.size == b.size && std::memcmp(&a.storage, &b.storage, a.size) == 0;
}

}  // namespace

UpstreamPool::UpstreamPool(Reactor& reactor, ShardMetrics& metrics) : reactor_(reactor), metrics_(metrics) {}

UpstreamPool::~UpstreamPool() {
  close_idle();
}

void UpstreamPool::set_targets(std::span<const UpstreamTarget> targets) {
  std::vector<std::unique_ptr<Address>> before = std::move(addresses_);
  addresses_.clear();
  const auto known = [&before](const UpstreamTarget& target) {
    return std::find_if(before.begin(), before.end(), [&](const auto& one) {
      return one && one->target.slot == target.slot && one->target.host == target.host &&
             same(one->target.address, target.address);
    });
  };
  std::vector<std::unique_ptr<Address>> after;
  for (const UpstreamTarget& target : targets) {
    const auto kept = known(target);
    after.push_back(kept == before.end() ? nullptr : std::move(*kept));
    // The same place may be written in another way now.
    if (after.back()) after.back()->target.authority = target.authority;
  }
  // What goes lets go of its slot before what comes takes it.
  for (std::unique_ptr<Address>& gone : before)
    if (gone) retire(std::move(gone));
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (!after[i])
      after[i] = std::make_unique<Address>(targets[i], upstream_metrics_.addresses[targets[i].slot]);
  addresses_ = std::move(after);
}

void UpstreamPool::retire(std::unique_ptr<Address> address) {
  address->metrics = nullptr;
  while (!address->idle.empty()) drop(*address->idle.back());
  if (address->candidate.in_flight > 0) retired_.push_back(std::move(address));
}

void UpstreamPool::set_healthy(std::size_t slot, bool healthy) noexcept {
  for (const auto& address : addresses_)
    if (address->target.slot == slot) address->candidate.health.set_healthy(healthy);
}

UpstreamPool::Address* UpstreamPool::choose_address(std::span<Address* const> tried) const noexcept {
  if (addresses_.size() == 1 && tried.empty()) return addresses_.front().get();
  std::array<const Candidate*, limits::upstream_addresses_max> candidates;
  const std::size_t count = std::min(addresses_.size(), candidates.size());
  for (std::size_t i = 0; i < count; ++i) {
    Address* address = addresses_[i].get();
    const bool again = std::find(tried.begin(), tried.end(), address) != tried.end();
    candidates[i] = again ? nullptr : &address->candidate;
  }
  const std::size_t chosen = choose({candidates.data(), count}, turn_, reactor_.now());
  return chosen == count ? nullptr : addresses_[chosen].get();
}

void UpstreamPool::begin_request(Address& address) noexcept {
  ++address.candidate.in_flight;
  ++turn_;
  if (!address.metrics) return;
  address.metrics->requests.add();
  address.metrics->in_flight.add();
}

void UpstreamPool::end_request(Address& address) noexcept {
  const std::uint32_t left = --address.candidate.in_flight;
  if (address.metrics) return address.metrics->in_flight.subtract();
  if (left == 0) std::erase_if(retired_, [&address](const auto& one) { return one.get() == &address; });
}

std::string_view UpstreamPool::authority(const Address& address) noexcept {
  return address.target.authority;
}

void UpstreamPool::answered(Address& address) noexcept {
  address.candidate.health.answered(reactor_.now());
}

void UpstreamPool::failed(Address& address) noexcept {
  AddressHealth& health = address.candidate.health;
  const bool ejected = health.failed(reactor_.now());
  if (!address.metrics) return;
  address.metrics->failures.add();
  if (!ejected) return;
  const auto until = std::chrono::ceil<std::chrono::milliseconds>(health.ejected_until().time_since_epoch());
  address.metrics->ejections.add();
  address.metrics->ejected_until_ms.set(static_cast<std::uint64_t>(until.count()));
}

UpstreamPool::Lease UpstreamPool::lease_kept() noexcept {
  Address* address = choose_address({});
  while (address && !address->idle.empty()) {
    std::unique_ptr<Kept> kept = std::move(address->idle.back());
    address->idle.pop_back();
    metrics_.upstream_idle.subtract();
    kept->disarm();
    std::unique_ptr<Stream> stream = std::move(kept->stream);
    spare_.push_back(std::move(kept));
    stream->on_idle_event(nullptr, nullptr);
    if (stream->readable()) {  // closed, or bytes nobody asked for
      close(std::move(stream));
      continue;
    }
    metrics_.upstream_reuses.add();
    begin_request(*address);
    return {std::move(stream), address, true, ConnectError::none};
  }
  return {};
}

Task<UpstreamPool::Lease> UpstreamPool::connect(Attempt& attempt) {
  Lease lease;
  lease.error = ConnectError::unreachable;
  std::array<Address*, limits::upstream_addresses_max> tried;
  std::size_t tries = 0;
  int timeouts = 0;
  while (tries < tried.size() && timeouts < limits::connect_timeouts_max) {
    Address* const address = choose_address({tried.data(), tries});
    if (!address) break;
    if (connections_max_ > 0 && open_ >= connections_max_) drop_oldest();
    if (connections_max_ > 0 && open_ >= connections_max_) {
      lease.error = ConnectError::no_capacity;
      co_return lease;
    }
    tried[tries++] = address;
    begin_request(*address);
    lease = co_await connect_to(address->target, attempt);
    lease.address = address;
    if (lease.stream) co_return lease;
    // Having no descriptors is not the address's fault, and another one could not be reached either.
    const bool at_fault = lease.error != ConnectError::no_capacity && lease.error != ConnectError::cancelled;
    if (at_fault) failed(*address);
    end_request(*address);
    lease.address = nullptr;
    if (!at_fault) break;
    if (lease.error == ConnectError::timed_out) ++timeouts;
  }
  if (lease.error != ConnectError::cancelled) metrics_.upstream_connect_failures.add();
  co_return lease;
}

Task<UpstreamPool::Lease> UpstreamPool::connect_to(const UpstreamTarget& target, Attempt& attempt) {
  const SocketAddress& address = target.address;
  Lease lease;
  lease.error = ConnectError::unreachable;
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      lease.error = ConnectError::no_capacity;
    co_return lease;
  }
  std::unique_ptr<Stream> stream;
  if (tls_)
    stream = std::make_unique<TlsStream>(reactor_, fd, tls_->connect(target.host));
  else
    stream = std::make_unique<SocketStream>(reactor_, fd);
  if (address.family() != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const bool connected = ::connect(fd, address.get(), address.size) == 0;
  if (!connected && errno != EINPROGRESS) co_return lease;
  stream->nothing_to_read_yet();  // before events may say otherwise: an upstream may speak first
  if (!stream->open()) co_return lease;
  ++open_;
  metrics_.upstream_open.add();
  if (!connected || tls_) {
    attempt.stream_ = stream.get();
    const IoStatus established = co_await establish(*stream, target);
    attempt.stream_ = nullptr;
    if (established != IoStatus::ok || attempt.cancelled_) {
      if (established == IoStatus::timed_out) lease.error = ConnectError::timed_out;
      if (attempt.cancelled_) lease.error = ConnectError::cancelled;
      close(std::move(stream));
      co_return lease;
    }
  }
  metrics_.upstream_connects.add();
  lease.stream = std::move(stream);
  lease.error = ConnectError::none;
  co_return lease;
}

Task<IoStatus> UpstreamPool::establish(Stream& stream, const UpstreamTarget& target) {
  const std::shared_ptr<const TlsClient> tls = tls_;  // a reload may replace it while we wait
  const Clock::time_point since = reactor_.now();
  WritableOperation writable(stream, Wait::connect);
  const IoResult waited = co_await writable;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(stream.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (!waited.ok()) co_return waited.status;
  if (error != 0) co_return IoStatus::reset;
  auto* const secured = dynamic_cast<TlsStream*>(&stream);
  if (!secured) co_return IoStatus::ok;
  const IoResult shaken = co_await handshake(*secured, Wait::connect, since);
  if (shaken.status == IoStatus::reset) complain(target, secured->failure());
  co_return shaken.status;
}

// A broken upstream is asked for by every request: one line in a while says as much as thousands.
void UpstreamPool::complain(const UpstreamTarget& target, const std::string& what) noexcept {
  if (reactor_.now() < quiet_until_) return;
  quiet_until_ = reactor_.now() + limits::complaint_interval;
  operator_log(LogLevel::error,
               "upstream " + target.host + " (" + to_string(target.address) + "): TLS: " + what);
}

void UpstreamPool::give_back(Lease lease) {
  Address& address = *lease.address;
  std::unique_ptr<Stream>& stream = lease.stream;
  // A last read that filled its buffer to the byte leaves open whether more is there: bytes beyond an answer
  // poison a connection.
  char beyond = 0;
  const bool retired = address.metrics == nullptr;
  if (retired || stream->hung_up() ||
      (stream->readable() && stream->try_read({&beyond, 1}).status != IoStatus::would_block)) {
    discard(std::move(lease));
    return;
  }
  end_request(address);
  if (spare_.empty()) spare_.push_back(std::make_unique<Kept>());
  std::unique_ptr<Kept> kept = std::move(spare_.back());
  spare_.pop_back();
  kept->pool = this;
  kept->address = &address;
  kept->since = reactor_.now();
  kept->stream = std::move(stream);
  kept->stream->on_hang_up_cancel(nullptr);
  kept->stream->on_idle_event(&UpstreamPool::on_idle_event, kept.get());
  reactor_.deadlines().arm(*kept, Wait::idle, kept->since);
  metrics_.upstream_idle.add();
  address.idle.push_back(std::move(kept));
}

void UpstreamPool::discard(Lease lease) noexcept {
  close(std::move(lease.stream));
  if (lease.address) end_request(*lease.address);
}

void UpstreamPool::close(std::unique_ptr<Stream> stream) noexcept {
  if (!stream) return;
  stream.reset();
  --open_;
  metrics_.upstream_open.subtract();
}

void UpstreamPool::on_idle_event(Stream&, void* kept) {
  auto& dead = *static_cast<Kept*>(kept);
  dead.pool->drop(dead);
}

void UpstreamPool::drop(Kept& kept) noexcept {
  std::vector<std::unique_ptr<Kept>>& idle = kept.address->idle;
  const auto found =
      std::find_if(idle.begin(), idle.end(), [&](const auto& one) { return one.get() == &kept; });
  POSTERN_CHECK(found != idle.end());
  std::unique_ptr<Kept> node = std::move(*found);
  idle.erase(found);
  metrics_.upstream_idle.subtract();
  node->disarm();
  if (tls_) (void)node->stream->try_shut_down();  // an upstream may log an end that was not said
  close(std::move(node->stream));
  spare_.push_back(std::move(node));
}

void UpstreamPool::drop_oldest() noexcept {
  Kept* oldest = nullptr;
  for (const auto& address : addresses_)
    if (!address->idle.empty() && (!oldest || address->idle.front()->since < oldest->since))
      oldest = address->idle.front().get();
  if (oldest) drop(*oldest);
}

void UpstreamPool::close_idle() noexcept {
  for (const auto& address : addresses_)
    while (!address->idle.empty()) drop(*address->idle.back());
}

}  // namespace postern
