// A listener that decides for another proxy: the same gate, and an answer instead of a relay.

#include <ctime>

#include "proxy/asked_request.hpp"
#include "proxy/session.hpp"
#include "proxy/shard.hpp"
#include "proxy/subject_block.hpp"

namespace postern {

Task<Session::After> Session::decide() {
  Exchange& x = *exchange_;
  asked_by_head_ = x.request.method.of(x.in) == "HEAD";
  const bool consumed = skip_buffered_body();
  peer_.asks_for_another = true;
  Answer refusal = answers::untrusted_peer;
  // Whoever may open a Unix socket was let in by its directory.
  if (peer_.text.empty() || is_trusted(peer_, shard_.config().trusted_proxies)) {
    const std::optional<Answer> flaw = put_asked_request(role_.decide, x.in, x.request);
    const Gate::Ruling ruling =
        flaw ? Gate::Ruling{false, *flaw, false}
             : shard_.newest_gate().rule(x, peer_, std::time(nullptr), Gate::Forwarding::by_others);
    if (ruling.allowed) co_return co_await let_pass(consumed);
    refusal = ruling.answer;
  }
  co_return co_await answer(as_understood(role_.decide, refusal), consumed);
}

Task<Session::After> Session::let_pass(bool request_consumed) {
  Exchange& x = *exchange_;
  const bool close = !request_consumed || closes_after_this();
  const std::string_view block{x.subject_block, x.subject_block_size};
  TextWriter head(x.response_out);
  head.put("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: ");
  head.put(shard_.date());
  head.put("\r\nCache-Control: no-store\r\nX-Request-Id: ");
  head.put(x.facts.request_id.view());
  head.put("\r\n");
  head.put(block);
  // A proxy that copies a header which is not there would let the client's own through.
  put_absent_subject_headers(block, shard_.gate().header_rules().prefix(), head);
  put_absent_headers(block, shard_.gate().snapshot().policy->upstream_header_names(), head);
  head.put(close ? "Connection: close\r\n\r\n" : "\r\n");
  POSTERN_CHECK(!head.overflowed());
  x.facts.status = 200;
  Pieces pieces;
  pieces.add(head.view());
  const IoResult written = co_await write_all(*client_, pieces);
  if (!written.ok()) co_return After::reset;
  co_return close ? After::linger : After::keep;
}

}  // namespace postern
