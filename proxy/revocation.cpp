// Revocation reaches what is still open: tunnels, event streams, long bodies both ways, slow answers.

#include <ctime>

#include "proxy/relay.hpp"
#include "proxy/shard.hpp"

namespace postern {

// One node in a list of the shard, where it is the last: a request that ends before its first look costs
// nothing more.
void Relay::begin_rechecks() noexcept {
  DeadlineLists& deadlines = shard_.reactor().deadlines();
  recheck_.disarm();
  if (revoked_) return;
  if (deadlines.duration(Wait::recheck) > Clock::duration::zero())
    deadlines.arm(recheck_, Wait::recheck, shard_.reactor().now());
}

void Relay::look_again() noexcept {
  shard_.counters().rechecks.add();
  revoked_ = shard_.gate().look_again(x_, peer_, std::time(nullptr));
  if (!revoked_) return begin_rechecks();
  shard_.counters().streams_cut.add();
  x_.facts.cut = revoked_->status == 503 ? "store_unavailable" : "revoked";
  abort();
}

RelayResult Relay::stopped() const noexcept {
  return revoked_ ? refused(*revoked_) : RelayResult{};
}

}  // namespace postern
