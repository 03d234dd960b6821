// The request's way up: its rewritten head, then its body, streamed.

#include "proxy/relay.hpp"
#include "proxy/shard.hpp"
#include "proxy/turn.hpp"

namespace postern {
namespace {

/// `TE: trailers` (RFC 9110 §10.1.4): the client can take them in the answer.
bool accepts_trailers(const RequestHead& head, const char* buffer) noexcept {
  if (!head.has(FieldName::te)) return false;
  bool accepts = false;
  for (const Field& field : head.all()) {
    if (field.known != FieldName::te) continue;
    for_each_token(field.value.of(buffer),
                   [&](std::string_view coding) { accepts = accepts || iequals(coding, "trailers"); });
  }
  return accepts;
}

}  // namespace

const ConfiguredUpstream& Relay::upstream() const noexcept {
  return shard_.gate().snapshot().upstreams[x_.upstream];
}

RewriteError Relay::write_head(std::string_view authority) noexcept {
  const Config& config = shard_.config();
  const RequestHead& head = x_.request;
  const std::string_view client_host{x_.host, x_.host_size};
  RequestRewrite rewrite;
  rewrite.path = x_.path.text;
  rewrite.host = config.preserve_host && head.has_host ? client_host : authority;
  rewrite.own_headers = &upstream().headers;
  rewrite.client_address = peer_.text.view();
  rewrite.protocol = peer_.tls ? "https" : "http";
  rewrite.request_id = x_.facts.request_id.view();
  rewrite.traceparent = x_.facts.traceparent.view();
  rewrite.trace_continued = x_.facts.trace_continued;
  rewrite.subject_block = {x_.subject_block, x_.subject_block_size};
  rewrite.credential_cut = x_.credential_cut;
  rewrite.trusted_peer = conditions_.trusted_peer;
  rewrite.upgrade = x_.upgrade;
  // A client that did not wait for its 100 needs none.
  const bool waits = head.expect_continue && !request_body_.finished() && x_.in_window.empty();
  rewrite.expect_continue = waits;
  if (waits) upload_ = Upload::awaited;
  wants_trailers_ = x_.trailers && head.minor >= 1 && accepts_trailers(head, x_.in);
  rewrite.trailers = wants_trailers_;
  rewrite.framing = head.framing;
  rewrite.content_length = head.content_length;

  TextWriter out(x_.request_out);
  const RewriteError error = write_request_head(head, x_.in, shard_.gate().header_rules(), rewrite, out);
  request_head_size_ = out.size();
  return error;
}

Pieces Relay::request_pieces() const noexcept {
  Pieces pieces;
  pieces.add({x_.request_out, request_head_size_});
  if (body_is_here())
    pieces.add({x_.in + x_.in_window.begin, static_cast<std::size_t>(x_.request.content_length)});
  return pieces;
}

bool Relay::body_is_here() const noexcept {
  return x_.request.framing == Framing::length && x_.request.content_length <= x_.in_window.size();
}

bool Relay::note_sent(const IoResult& result) noexcept {
  bytes_sent_up_ = result.bytes;
  if (result.ok() && body_is_here())
    x_.facts.bytes_received += request_body_.take(x_.in, x_.in_window).data.size();
  return result.ok();
}

void Relay::begin_upload() noexcept {
  if (request_body_.finished() || upload_ != Upload::none) return;
  upload_ = Upload::running;
  upload_task_ = upload();
  upload_task_.start();
}

Task<void> Relay::upload() {
  upload_ = co_await upload_body();
  switch (upload_) {
    case Upload::complete:
      probe_.look();
      break;
    case Upload::stopped:
    case Upload::upstream_broken:  // its answer may lie there to be read
      break;
    default:
      upstream_->cancel_read();  // no answer is of use any more
  }
}

Task<Relay::Upload> Relay::upload_body() {
  const std::uint64_t limit = x_.body_limit;
  const bool chunked = request_body_.framing() == Framing::chunked;
  Turn turn(shard_.reactor());
  for (;;) {
    if (stopping_) co_return Upload::stopped;
    const BodyReader::Taken taken = request_body_.take(x_.in, x_.in_window);
    if (taken.malformed) co_return Upload::malformed;
    x_.facts.bytes_received += taken.data.size();
    if (limit > 0 && x_.facts.bytes_received > limit) co_return Upload::too_large;

    char size_line[18];
    Pieces pieces;
    if (chunked && !taken.data.empty()) pieces.add(chunk_size_line(taken.data.size(), size_line));
    pieces.add(taken.data);
    if (chunked && !taken.data.empty()) pieces.add("\r\n");
    if (chunked && request_body_.finished())
      pieces.add(x_.trailers_in.last_chunk(request_body_.trailers_size(), shard_.gate().header_rules(),
                                           &upstream().headers));
    if (pieces.count > 0) {
      const IoResult written = co_await write_all(*upstream_, pieces, body_patience());
      if (written.status == IoStatus::timed_out) co_return Upload::upstream_timed_out;
      if (!written.ok()) co_return stopping_ ? Upload::stopped : Upload::upstream_broken;
    }
    if (request_body_.finished()) co_return Upload::complete;
    if (turn.over(taken.data.size())) co_await next_round(shard_.reactor());
    if (stopping_) co_return Upload::stopped;

    x_.in_window.clear();
    const std::span<char> room(x_.in, request_body_.wanted(Exchange::in_bytes));
    const Clock::time_point since = shard_.reactor().now();
    const IoResult read = co_await read_some(client_, room, body_patience());
    if (read.status == IoStatus::timed_out) co_return Upload::client_timed_out;
    if (!read.ok()) co_return stopping_ ? Upload::stopped : Upload::client_gone;
    x_.in_window.end = static_cast<std::uint32_t>(read.bytes);
    const Clock::duration waited = shard_.reactor().now() - since;
    if (upload_pace_.too_slow(read.bytes, waited, shard_.config().limits.body_rate_min,
                              shard_.reactor().deadlines().duration(body_patience()))) {
      shard_.counters().slow_bodies.add();
      co_return Upload::client_too_slow;
    }
  }
}

Task<void> Relay::end_upload() {
  stopping_ = true;
  if (!upload_task_.done()) {
    client_.cancel_read();
    upstream_->cancel_write();
  }
  co_await upload_task_.join();
}

Task<bool> Relay::send_continue() {
  Pieces pieces;
  pieces.add("HTTP/1.1 100 Continue\r\n\r\n");
  const IoResult written = co_await write_all(client_, pieces, body_patience());
  broken_off_ = !written.ok();
  if (broken_off_) co_return false;
  upload_ = Upload::none;
  begin_upload();
  co_return true;
}

}  // namespace postern
