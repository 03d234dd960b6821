#include "proxy/session.hpp"

#include <ctime>
#include <sys/socket.h>

#include "proxy/shard.hpp"
#include "proxy/turn.hpp"

namespace postern {
namespace {

constexpr std::size_t linger_bytes_max =
    256 * 1024;  // what a refused client may still send before we hang up

constexpr std::size_t turn_per_request = 4 * limits::turn_step_bytes;

/// Makes close() send RST: a client must not take what it got for the whole answer.
void break_on_close(int descriptor) noexcept {
  const struct linger at_once { 1, 0 };
  ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

std::string_view first_value(const RequestHead& head, const char* buffer, FieldName name) noexcept {
  if (!head.has(name)) return {};
  for (const Field& field : head.all())
    if (field.known == name) return field.value.of(buffer);
  return {};
}

}  // namespace

Session::Session(Shard& shard, std::unique_ptr<Stream> client, Peer peer, ListenerRole role)
    : shard_(shard),
      client_(std::move(client)),
      peer_(std::move(peer)),
      role_(role),
      exchange_(shard.exchanges()) {}

void Session::end_if_idle() noexcept {
  if (idle_) client_->cancel();
}

void Session::abort() noexcept {
  client_->cancel();
  if (relay_) relay_->abort();
}

bool Session::take_place() noexcept {
  place_.emplace(shard_.shared().clients, peer_.address);
  const std::uint32_t max = shard_.config().limits.connections_per_client;
  if (max == 0 || place_->connections() <= max) return true;
  shard_.counters().connections_refused_per_client.add();
  return false;
}

Task<void> Session::run() {
  const bool opened = co_await open_connection();
  if (!opened) co_return;
  After after = After::keep;
  Turn turn(shard_.reactor());
  while (after == After::keep) {
    const bool begins = co_await next_request_begins();
    if (!begins) after = After::close;
    if (!begins) break;
    after = co_await serve();
    // Requests that are refused at once, one after the other, never wait for anything.
    if (turn.over(turn_per_request)) co_await next_round(shard_.reactor());
  }
  if (after == After::close && role_.tls) co_await shut_down(*client_, Wait::linger);
  if (after == After::linger) co_await linger();
  if (after == After::reset) break_on_close(client_->fd());
  exchange_.give_back();
}

Task<bool> Session::next_request_begins() {
  if (exchange_.held() && !exchange_->in_window.empty()) co_return !outlived_certificate();  // pipelined
  if (shard_.past_grace()) co_return false;
  const Clock::time_point since = shard_.reactor().now();
  idle_ = true;
  exchange_.give_back();  // others may use its memory meanwhile, while it is in the processor's caches
  client_->settle();
  const IoResult readable =
      co_await until_readable(*client_, requests_ == 0 ? Wait::head : Wait::idle, since);
  idle_ = false;
  co_return readable.ok() && !outlived_certificate() && exchange_.borrow();
}

Task<HeadStatus> Session::read_head() {
  Exchange& x = *exchange_;
  const Limits& configured = shard_.config().limits;
  const HeadLimits bounds{configured.head, configured.target, configured.fields};
  for (;;) {
    const HeadStatus status = x.request_reader.feed(x.unread_in(), x.request, bounds);
    if (status != HeadStatus::incomplete) co_return status;
    const std::span<char> room(x.in + x.in_window.end, Exchange::in_bytes - x.in_window.end);
    const IoResult read = co_await read_some_since(*client_, room, Wait::head, x.facts.began);
    if (!read.ok()) {
      if (read.status == IoStatus::timed_out && !x.in_window.empty()) x.facts.status = 408;
      co_return HeadStatus::incomplete;
    }
    x.in_window.end += static_cast<std::uint32_t>(read.bytes);
  }
}

Task<Session::After> Session::serve() {
  Exchange& x = *exchange_;
  x.next_request();
  x.facts.began = shard_.reactor().now();
  asked_by_head_.reset();
  const HeadStatus status = co_await read_head();
  if (status == HeadStatus::incomplete && x.facts.status != 408) co_return After::close;  // nothing was asked

  x.head_complete = status == HeadStatus::complete;
  ++requests_;
  shard_.counters().exchanges_open.add();
  name_request();
  const RequestSlot slot(shard_.shared().requests, shard_.config().limits.requests_in_flight);
  After after = After::close;
  if (status == HeadStatus::incomplete)
    after = co_await answer(answers::head_timeout, false);
  else if (status == HeadStatus::refused)
    after = co_await answer(answers::of(x.request_reader.error()), false);
  else if (!slot.granted())
    after = co_await refuse_for_load();
  else
    after = co_await rule_and_relay();
  shard_.account(x);
  shard_.counters().exchanges_open.subtract();
  co_return after;
}

void Session::name_request() noexcept {
  Exchange& x = *exchange_;
  const auto presented = [&x](FieldName name) {
    return x.head_complete ? first_value(x.request, x.in, name) : std::string_view{};
  };
  choose_request_id(presented(FieldName::x_request_id), shard_.ids(), x.facts.request_id);
  x.facts.trace_continued =
      choose_traceparent(presented(FieldName::traceparent), shard_.ids(), x.facts.traceparent);
  if (const SpanExporter* const spans = shard_.shared().spans)
    x.facts.spanned = begin_span(x.facts.trace_continued, spans->sample_percent(), shard_.ids(),
                                 x.facts.traceparent, x.facts.parent_span);
  x.facts.client.assign(peer_.text.view());
}

bool Session::outlived_certificate() const noexcept {
  return !peer_.certificate.empty() &&
         shard_.config().tls.client_certificate == ClientCertificate::required &&
         certificate_at(peer_, std::time(nullptr)).empty();
}

bool Session::closes_after_this() const noexcept {
  const RequestHead& head = exchange_->request;
  const std::uint32_t requests_max = shard_.config().limits.requests_per_connection;
  return shard_.draining() || head.connection_close || (head.minor == 0 && !head.connection_keep_alive) ||
         (requests_max > 0 && requests_ >= requests_max);
}

bool Session::skip_buffered_body() noexcept {
  Exchange& x = *exchange_;
  if (x.request.framing == Framing::none) return true;
  if (x.request.framing != Framing::length || x.request.content_length > x.in_window.size()) return false;
  x.in_window.begin += static_cast<std::uint32_t>(x.request.content_length);
  return true;
}

Task<Session::After> Session::rule_and_relay() {
  Exchange& x = *exchange_;
  x.in_window.begin = x.request.size;
  if (role_.decide != Decide::none) co_return co_await decide();
  const Gate::Ruling ruling = shard_.newest_gate().rule(x, peer_, std::time(nullptr));
  if (!ruling.allowed) co_return co_await answer(ruling.answer, skip_buffered_body());

  const bool closing = closes_after_this();
  Relay relay(shard_, x, *client_, peer_, {ruling.trusted_peer, closing});
  relay_ = &relay;
  const RelayResult result = co_await relay.run();
  relay_ = nullptr;
  switch (result.end) {
    case RelayResult::End::failed:
      co_return After::reset;
    case RelayResult::End::tunnel_closed:
      co_return After::drop;  // each side has said its own end, or was cut
    case RelayResult::End::refused:
      co_return co_await answer(result.answer, result.request_consumed);
    case RelayResult::End::done:
      break;
  }
  if (!result.request_consumed) co_return After::linger;
  co_return closing || result.close_announced ? After::close : After::keep;
}

Task<Session::After> Session::refuse_for_load() {
  Exchange& x = *exchange_;
  shard_.counters().requests_refused.add();
  x.facts.method.assign(x.request.method.of(x.in));
  x.in_window.begin = x.request.size;
  co_return co_await answer(answers::too_many_requests, skip_buffered_body());
}

Task<Session::After> Session::answer(Answer answer, bool request_consumed) {
  Exchange& x = *exchange_;
  // What could be read in two ways ends the connection; so does a body that nobody will read.
  const bool misread = answer.status == 400 || !x.head_complete;
  const bool close = misread || !request_consumed || closes_after_this();
  AnswerContext context;
  context.request_id = x.facts.request_id.view();
  context.realm = shard_.config().realm;
  context.date = shard_.date();
  context.close = close;
  // Of a head that never became complete, the method may be there all the same.
  context.head_request =
      x.head_complete ? x.facts.method.view() == "HEAD" : x.unread_in().starts_with("HEAD ");
  if (asked_by_head_) context.head_request = *asked_by_head_;
  const std::size_t size = write_answer(answer, context, x.response_out);
  x.facts.status = answer.status;
  x.facts.code = answer.code;
  Pieces pieces;
  pieces.add({x.response_out, size});
  const IoResult written = co_await write_all(*client_, pieces);
  if (!written.ok()) co_return After::reset;
  co_return close ? After::linger : After::keep;
}

Task<void> Session::linger() {
  const IoResult ended = co_await shut_down(*client_, Wait::linger);
  if (!ended.ok()) co_return;
  const Clock::time_point since = shard_.reactor().now();
  std::size_t discarded = 0;
  while (discarded < linger_bytes_max && !shard_.past_grace()) {
    const std::span<char> room(exchange_->in, Exchange::in_bytes);
    const IoResult read = co_await read_some_since(*client_, room, Wait::linger, since);
    if (!read.ok()) co_return;
    discarded += read.bytes;
  }
}

}  // namespace postern
