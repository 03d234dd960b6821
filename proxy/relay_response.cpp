// The answer's way down: informational heads, the final one, the body.

#include <algorithm>
#include <cstring>

#include "proxy/relay.hpp"
#include "proxy/shard.hpp"
#include "proxy/turn.hpp"
#include "proxy/websocket.hpp"

namespace postern {
namespace {

/// What comes of a body with its head is copied behind that up to here: one piece goes out cheaper than two.
constexpr std::size_t joined_body_max = 1024;

}  // namespace

Task<Relay::HeadEnd> Relay::read_head(Patience wait) {
  Window& window = x_.out_window;
  if (window.begin > 0) std::memmove(x_.out, x_.out + window.begin, window.size());
  window = {0, window.size()};
  x_.response_reader.reset();
  Clock::time_point since = shard_.reactor().now();
  for (;;) {
    const HeadStatus status = x_.response_reader.feed(x_.unread_out(), x_.response);
    if (status == HeadStatus::complete) {
      window.begin = x_.response.size;
      co_return HeadEnd::complete;
    }
    if (status == HeadStatus::refused) co_return HeadEnd::malformed;
    if (stopping_ || upload_failed() || upload_ == Upload::client_gone)
      co_return HeadEnd::cancelled;  // before we waited
    const std::span<char> room(x_.out + window.end, Exchange::out_bytes - window.end);
    const IoResult read = co_await read_some_since(*upstream_, room, wait, since);
    if (read.ok()) {
      window.end += static_cast<std::uint32_t>(read.bytes);
      continue;
    }
    if (read.status == IoStatus::cancelled) co_return HeadEnd::cancelled;
    if (read.status == IoStatus::timed_out) {
      if (upload_ != Upload::running) co_return HeadEnd::timed_out;
      since = shard_.reactor().now();  // the upload has deadlines of its own
      continue;
    }
    co_return window.empty() ? HeadEnd::closed : HeadEnd::malformed;
  }
}

Task<Relay::HeadEnd> Relay::read_final_head() {
  for (int informational = 0; informational <= limits::informational_max;) {
    const bool awaited = upload_ == Upload::awaited;
    const Patience patience = awaited ? Wait::expect : Patience(Wait::response, x_.timeouts.response);
    const HeadEnd end = co_await read_head(patience);
    if (end == HeadEnd::timed_out && awaited) {
      // The upstream does not know the expectation; without our word both sides would wait.
      const bool continued = co_await send_continue();
      if (!continued) co_return HeadEnd::cancelled;
      continue;
    }
    // An upstream that has said something was at work: what follows is no sign of a connection closed while
    // idle.
    if (end == HeadEnd::closed && informational > 0) co_return HeadEnd::malformed;
    if (end != HeadEnd::complete) co_return end;

    const int status = x_.response.status;
    if (status >= 200) co_return HeadEnd::complete;
    if (status == 101) {
      const bool good = x_.upgrade && upgrade_accepted(x_.response, x_.out, websocket_key(x_.request, x_.in));
      co_return good ? HeadEnd::complete : HeadEnd::malformed;
    }
    ++informational;
    bool passed = true;
    if (status == 100 && awaited)
      passed = co_await send_continue();
    else if (status == 103 && x_.request.minor >= 1)
      passed = co_await pass_early_hints();
    else
      poisoned_ = true;  // nobody asked
    if (!passed) co_return HeadEnd::cancelled;
  }
  co_return HeadEnd::malformed;
}

Task<bool> Relay::pass_early_hints() {
  TextWriter head(x_.response_out);
  ResponseRewrite rewrite;
  rewrite.request_id = x_.facts.request_id.view();
  if (!write_response_head(x_.response, x_.out, rewrite, head)) co_return true;
  Pieces pieces;
  pieces.add(head.view());
  const IoResult written = co_await write_all(client_, pieces, body_patience());
  broken_off_ = !written.ok();
  co_return !broken_off_;
}

Task<RelayResult> Relay::relay_response() {
  const ResponseHead& head = x_.response;
  const Framing framing = response_framing(head, x_.facts.method.view() == "HEAD");
  const bool http10 = x_.request.minor == 0;
  const bool unknown_length = framing == Framing::chunked || framing == Framing::until_close;
  BodyReader body;
  body.begin(framing, head.content_length);

  ResponseRewrite rewrite;
  rewrite.request_id = x_.facts.request_id.view();
  rewrite.framing = !unknown_length ? framing : http10 ? Framing::none : Framing::chunked;
  rewrite.content_length = head.content_length;
  rewrite.keep_length = framing == Framing::none && head.status != 204;
  rewrite.client_http10 = http10;
  rewrite.rule_lines = x_.answer_lines.view();
  rewrite.is_private = x_.credential_place == CredentialPlace::query;
  // An answer that comes before the request is through ends the connection: nobody can tell how much of it
  // was read. So does a refused upgrade: what the client may have sent already belongs to another protocol.
  rewrite.close = conditions_.closing || shard_.draining() || x_.upgrade || (unknown_length && http10) ||
                  (upload_ != Upload::complete && !request_body_.finished());
  const bool chunked = rewrite.framing == Framing::chunked;
  // Kept only for a client that can take them (RFC 9110 §6.5.1).
  rewrite.trailers = chunked && framing == Framing::chunked && wants_trailers_;
  if (rewrite.trailers) body.keep_trailers(x_.trailers_out.section());
  if (!head.has_date) rewrite.date = shard_.date();
  rewrite.owns_token_expires = shard_.config().header_token_expires;
  HttpDate token_expires;
  if (x_.facts.token_expires != 0) rewrite.token_expires = token_expires.at(x_.facts.token_expires);

  TextWriter head_out(x_.response_out);
  if (!write_response_head(head, x_.out, rewrite, head_out)) co_return refused(answers::upstream_malformed);
  std::string_view head_bytes = head_out.view();
  const bool upstream_keeps = framing != Framing::until_close && !poisoned_ && !x_.upgrade &&
                              !head.connection_close && (head.minor >= 1 || head.connection_keep_alive);

  // How much a slow reader must take before its deadline starts anew.
  const auto allowed = std::chrono::duration_cast<std::chrono::seconds>(
      shard_.reactor().deadlines().duration(body_patience()));
  const std::size_t worth = std::max<std::size_t>(
      1, shard_.config().limits.body_rate_min * static_cast<std::uint64_t>(allowed.count()));
  RelayResult result;
  x_.facts.answered = shard_.reactor().now();
  Turn turn(shard_.reactor());
  for (;;) {
    if (revoked_) co_return result;
    const BodyReader::Taken taken = body.take(x_.out, x_.out_window);
    if (taken.malformed) {
      if (!head_bytes.empty()) co_return refused(answers::upstream_malformed);
      co_return result;
    }
    char size_line[18];
    Pieces pieces;
    const bool joined =
        !head_bytes.empty() && !chunked && taken.data.size() <= joined_body_max && head_out.fits(taken.data);
    if (joined) {
      head_out.put(taken.data);
      head_bytes = head_out.view();
    }
    pieces.add(head_bytes);
    if (chunked && !taken.data.empty()) pieces.add(chunk_size_line(taken.data.size(), size_line));
    if (!joined) pieces.add(taken.data);
    if (chunked && !taken.data.empty()) pieces.add("\r\n");
    if (chunked && body.finished())
      pieces.add(x_.trailers_out.last_chunk(body.trailers_size(), shard_.gate().header_rules()));
    if (body.finished()) {
      // Before the client is written to: it may be slow, and the connection serves others meanwhile.
      if (upload_task_.started()) co_await end_upload();
      release_upstream(upstream_keeps && request_consumed() && x_.out_window.empty());
    }
    x_.facts.status = head.status;
    const IoResult written = co_await write_all(client_, pieces, body_patience(), worth);
    if (written.status == IoStatus::timed_out) x_.facts.cut = "client_too_slow";
    if (!written.ok()) co_return result;
    head_bytes = {};
    x_.facts.bytes_sent += taken.data.size();
    if (body.finished()) break;
    if (turn.over(written.bytes)) co_await next_round(shard_.reactor());

    x_.out_window.clear();
    const IoResult read = co_await read_some(*upstream_, x_.out, idle_patience());
    if (read.ok())
      x_.out_window.end = static_cast<std::uint32_t>(read.bytes);
    else if (read.status != IoStatus::eof || !body.end_of_stream())
      co_return result;
  }
  result.end = RelayResult::End::done;
  result.close_announced = rewrite.close;
  co_return result;
}

}  // namespace postern
