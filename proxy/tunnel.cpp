// After a verified 101: bytes both ways until one side ends, with an idle deadline and no total one.

#include "proxy/relay.hpp"
#include "proxy/shard.hpp"
#include "proxy/turn.hpp"

namespace postern {

Task<RelayResult> Relay::tunnel() {
  TextWriter head(x_.response_out);
  ResponseRewrite rewrite;
  rewrite.request_id = x_.facts.request_id.view();
  rewrite.upgrade = true;
  if (!write_response_head(x_.response, x_.out, rewrite, head))
    co_return refused(answers::upstream_malformed);
  x_.facts.status = x_.response.status;
  x_.facts.answered = last_activity_ = shard_.reactor().now();
  Pieces pieces;
  pieces.add(head.view());
  const IoResult written = co_await write_all(client_, pieces, body_patience());
  if (!written.ok()) co_return RelayResult{};

  // What either side sent right after the handshake lies in the buffers already.
  const Direction down{*upstream_, client_, x_.out, x_.unread_out()};
  const Direction up{client_, *upstream_, x_.in, x_.unread_in()};
  Task<void> downwards = pump(down, x_.facts.bytes_sent);
  downwards.start();
  co_await pump(up, x_.facts.bytes_received);
  co_await downwards.join();

  RelayResult result;
  result.end = RelayResult::End::tunnel_closed;
  co_return result;
}

Task<void> Relay::pump(Direction direction, std::uint64_t& bytes) {
  std::string_view pending = direction.first;
  Turn turn(shard_.reactor());
  while (!stopping_) {
    if (!pending.empty()) {
      Pieces pieces;
      pieces.add(pending);
      const IoResult written = co_await write_all(direction.to, pieces, body_patience());
      if (!written.ok()) break;
      bytes += pending.size();
      const bool turn_over = turn.over(pending.size());
      if (turn_over) co_await next_round(shard_.reactor());
      last_activity_ = shard_.reactor().now();
      pending = {};
      continue;
    }
    const IoResult read =
        co_await read_some_since(direction.from, direction.buffer, idle_patience(), last_activity_);
    if (read.ok()) {
      pending = {direction.buffer.data(), read.bytes};
      continue;
    }
    if (read.status == IoStatus::eof) {  // half-closed: the other direction goes on
      const IoResult ended = co_await shut_down(direction.to, Wait::linger);
      if (ended.ok()) co_return;
      break;
    }
    const auto idle = shard_.reactor().now() - last_activity_;
    if (read.status == IoStatus::timed_out && idle < shard_.reactor().deadlines().duration(idle_patience()))
      continue;
    break;
  }
  // Broken, idle or aborted: both directions end.
  stopping_ = true;
  direction.from.cancel();
  direction.to.cancel();
}

}  // namespace postern
