#include "proxy/relay.hpp"

#include "proxy/shard.hpp"

namespace postern {
namespace {

bool is_idempotent(std::string_view method) noexcept {  // RFC 9110 §9.2.2
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

Answer answer_of(ConnectError error) noexcept {
  switch (error) {
    case ConnectError::timed_out:
      return answers::upstream_timeout;
    case ConnectError::no_capacity:
      return answers::no_capacity;
    default:
      return answers::upstream_unreachable;
  }
}

}  // namespace

Relay::Relay(Shard& shard, Exchange& exchange, Stream& client, const Peer& peer,
             Conditions conditions) noexcept
    : shard_(shard), x_(exchange), client_(client), peer_(peer), conditions_(conditions), probe_(client) {}

void Relay::abort() noexcept {
  stopping_ = true;
  client_.cancel();
  attempt_.cancel();
  if (upstream_) upstream_->cancel();
}

Task<RelayResult> Relay::run() {
  begin_rechecks();
  RelayResult result = co_await relay();
  // Whatever followed half a head would be read as the rest of it.
  if (broken_off_) result = RelayResult{};
  if (upload_task_.started()) co_await end_upload();
  recheck_.disarm();
  result.request_consumed = request_consumed();
  if (upstream_) release_upstream(false);
  co_return result;
}

Task<RelayResult> Relay::relay() {
  request_body_.begin(x_.request.framing, x_.request.content_length);
  if (x_.trailers) request_body_.keep_trailers(x_.trailers_in.section());
  // Before anything is leased: what cannot be written is no reason to connect.
  RewriteError rewritten = write_head(upstream().settings.addresses.front().authority);
  bool renamed = false;  // the head names another address than the first
  if (rewritten != RewriteError::none) co_return refused(answer_of(rewritten));
  for (bool fresh = false;; fresh = true) {
    Lease lease = fresh ? Lease() : lease_kept();
    if (!lease.stream) lease = co_await shard_.upstream(x_.upstream).connect(attempt_);
    if (!lease.stream && stopping_) co_return stopped();
    if (!lease.stream) co_return refused(postern::answer_of(lease.error));
    upstream_ = std::move(lease.stream);
    address_ = lease.address;
    reused_ = lease.reused;
    client_.on_hang_up_cancel(upstream_.get());
    if (client_.hung_up() || stopping_) co_return stopped();
    // Several addresses may have several names.
    const std::string_view authority = UpstreamPool::authority(*address_);
    const bool other = authority != upstream().settings.addresses.front().authority;
    if (other || renamed) rewritten = write_head(authority);
    renamed = other;
    if (rewritten != RewriteError::none) co_return refused(answer_of(rewritten));

    Pieces pieces = request_pieces();
    const IoResult written = co_await write_all(*upstream_, pieces, body_patience());
    if (note_sent(written)) begin_upload();
    // Also when sending broke off: an upstream may refuse early, and its answer may lie there to be read.
    if (x_.request.minor >= 1) probe_.watch();
    const HeadEnd end = co_await read_final_head();
    probe_.stop();
    judge_address(end);
    if (end == HeadEnd::complete && !revoked_) break;
    if (!fresh && !stopping_ && may_retry(end)) {
      shard_.counters().upstream_retries.add();
      release_upstream(false);
      continue;
    }
    if (upload_task_.started()) co_await end_upload();
    if (revoked_) co_return stopped();
    if (end == HeadEnd::cancelled && !upload_failed()) co_return stopped();
    co_return refused(answer_of(end));
  }
  if (x_.response.status == 101) co_return co_await tunnel();
  co_return co_await relay_response();
}

Lease Relay::lease_kept() noexcept {
  // An upgraded connection is of no use to anybody afterwards, so it is not taken from the pool either.
  return x_.upgrade ? Lease() : shard_.upstream(x_.upstream).lease_kept();
}

void Relay::judge_address(HeadEnd end) noexcept {
  UpstreamPool& pool = shard_.upstream(x_.upstream);
  if (end == HeadEnd::complete) return pool.answered(*address_);
  // A kept connection may die of its age; a fresh one has no excuse.
  const bool died = end == HeadEnd::closed && !reused_;
  if (died || end == HeadEnd::timed_out || upload_ == Upload::upstream_timed_out) pool.failed(*address_);
}

bool Relay::may_retry(HeadEnd end) const noexcept {
  if (end != HeadEnd::closed || !reused_ || upload_ != Upload::none || x_.request.expect_continue)
    return false;
  return bytes_sent_up_ == 0 ||
         (x_.request.framing == Framing::none && is_idempotent(x_.facts.method.view()));
}

bool Relay::upload_failed() const noexcept {
  return upload_ == Upload::malformed || upload_ == Upload::too_large ||
         upload_ == Upload::client_timed_out || upload_ == Upload::client_too_slow ||
         upload_ == Upload::upstream_timed_out;
}

Answer Relay::answer_of(RewriteError error) noexcept {
  return error == RewriteError::ambiguous_field ? answers::ambiguous_field
                                                : answers::of(HeadError::head_too_long);
}

Answer Relay::answer_of(HeadEnd end) const noexcept {
  switch (upload_) {
    case Upload::malformed:
      return answers::bad_body;
    case Upload::too_large:
      return answers::body_too_large;
    case Upload::client_timed_out:
      return answers::head_timeout;
    case Upload::client_too_slow:
      return answers::body_too_slow;
    case Upload::upstream_timed_out:
      return answers::upstream_timeout;
    default:
      break;
  }
  switch (end) {
    case HeadEnd::malformed:
      return answers::upstream_malformed;
    case HeadEnd::timed_out:
      return answers::upstream_timeout;
    default:
      return answers::upstream_unreachable;
  }
}

RelayResult Relay::refused(const Answer& answer) const noexcept {
  RelayResult result;
  result.end = RelayResult::End::refused;
  result.answer = answer;
  return result;
}

void Relay::release_upstream(bool reusable) {
  client_.on_hang_up_cancel(nullptr);
  UpstreamPool& pool = shard_.upstream(x_.upstream);
  Lease lease{std::move(upstream_), std::exchange(address_, nullptr), reused_, ConnectError::none};
  if (reusable)
    pool.give_back(std::move(lease));
  else
    pool.discard(std::move(lease));
  bytes_sent_up_ = 0;
}

}  // namespace postern
