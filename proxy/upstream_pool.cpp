#include "proxy/upstream_pool.hpp"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace postern {

UpstreamPool::UpstreamPool(Reactor& reactor, ShardMetrics& metrics) : reactor_(reactor), metrics_(metrics) {}

UpstreamPool::~UpstreamPool() {
  close_idle();
}

Lease UpstreamPool::lease_kept() noexcept {
  while (!idle_.empty()) {
    std::unique_ptr<Kept> kept = std::move(idle_.back());
    idle_.pop_back();
    metrics_.upstream_idle.subtract();
    kept->disarm();
    std::unique_ptr<Stream> stream = std::move(kept->stream);
    spare_.push_back(std::move(kept));
    stream->on_idle_event(nullptr, nullptr);
    if (stream->readable()) {  // closed, or bytes nobody asked for
      discard(std::move(stream));
      continue;
    }
    metrics_.upstream_reuses.add();
    return {std::move(stream), true, ConnectError::none};
  }
  return {};
}

Task<Lease> UpstreamPool::connect() {
  Lease lease;
  if (connections_max_ > 0 && open_ >= connections_max_ && !idle_.empty()) drop(*idle_.front());
  if (connections_max_ > 0 && open_ >= connections_max_) {
    lease.error = ConnectError::no_capacity;
    co_return lease;
  }
  lease.error = ConnectError::unreachable;
  const std::vector<SocketAddress> addresses = addresses_;  // a reload may replace them while we wait
  for (const SocketAddress& address : addresses) {
    lease = co_await connect_to(address);
    if (lease.stream) break;
  }
  if (!lease.stream) metrics_.upstream_connect_failures.add();
  co_return lease;
}

Task<Lease> UpstreamPool::connect_to(SocketAddress address) {
  Lease lease;
  lease.error = ConnectError::unreachable;
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE) lease.error = ConnectError::no_capacity;
    co_return lease;
  }
  auto stream = std::make_unique<SocketStream>(reactor_, fd);
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
  if (!connected) {
    WritableOperation established(*stream, Wait::connect);
    const IoResult waited = co_await established;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (!waited.ok() || error != 0) {
      if (waited.status == IoStatus::timed_out) lease.error = ConnectError::timed_out;
      discard(std::move(stream));
      co_return lease;
    }
  }
  metrics_.upstream_connects.add();
  lease.stream = std::move(stream);
  lease.error = ConnectError::none;
  co_return lease;
}

void UpstreamPool::give_back(std::unique_ptr<Stream> stream) {
  // A last read that filled its buffer to the byte leaves open whether more is there: bytes beyond an answer
  // poison a connection.
  char beyond = 0;
  if (stream->hung_up() ||
      (stream->readable() && stream->try_read({&beyond, 1}).status != IoStatus::would_block)) {
    discard(std::move(stream));
    return;
  }
  if (spare_.empty()) spare_.push_back(std::make_unique<Kept>());
  std::unique_ptr<Kept> kept = std::move(spare_.back());
  spare_.pop_back();
  kept->pool = this;
  kept->stream = std::move(stream);
  kept->stream->on_hang_up_cancel(nullptr);
  kept->stream->on_idle_event(&UpstreamPool::on_idle_event, kept.get());
  reactor_.deadlines().arm(*kept, Wait::idle, reactor_.now());
  metrics_.upstream_idle.add();
  idle_.push_back(std::move(kept));
}

void UpstreamPool::discard(std::unique_ptr<Stream> stream) noexcept {
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
  const auto found =
      std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one.get() == &kept; });
  POSTERN_CHECK(found != idle_.end());
  std::unique_ptr<Kept> node = std::move(*found);
  idle_.erase(found);
  metrics_.upstream_idle.subtract();
  node->disarm();
  discard(std::move(node->stream));
  spare_.push_back(std::move(node));
}

void UpstreamPool::close_idle() noexcept {
  while (!idle_.empty()) drop(*idle_.back());
}

}  // namespace postern
