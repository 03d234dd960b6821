#include "proxy/log_line.hpp"

#include <ctime>

#include "proxy/json.hpp"

namespace postern {
namespace {

void put_text(TextWriter& out, std::string_view key, std::string_view value) noexcept {
  out.put(key);
  put_json_string(out, value);
}

/// A text that by its kind holds nothing that JSON escapes: a word of ours, an id, an address, a method. Not
/// looked at.
void put_word(TextWriter& out, std::string_view key, std::string_view value) noexcept {
  out.put(key);
  out.put(value);
}

/// "2026-11-24T15:00:00.123Z"; the calendar part is made once a second.
void put_time(TextWriter& out, std::int64_t wall_milliseconds) noexcept {
  thread_local std::time_t second = -1;
  thread_local char text[32];
  const std::time_t now = wall_milliseconds / 1000;
  if (now != second) {
    second = now;
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  }
  const auto milliseconds = static_cast<int>(wall_milliseconds % 1000);
  const char fraction[] = {'.', static_cast<char>('0' + milliseconds / 100),
                           static_cast<char>('0' + milliseconds / 10 % 10),
                           static_cast<char>('0' + milliseconds % 10), 'Z'};
  out.put(std::string_view(text));
  out.put(std::string_view(fraction, sizeof fraction));
}

std::uint64_t microseconds(Clock::duration duration) noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

/// What was asked for: the canonical path, or what came instead of one, without its query.
std::string_view path_of(const Exchange& exchange) noexcept {
  if (!exchange.path.text.empty()) return exchange.path.text;
  if (!exchange.head_complete) return {};
  const std::string_view target = exchange.request.target.of(exchange.in);
  return target.substr(0, target.find_first_of("?#"));
}

}  // namespace

std::size_t write_log_line(const Exchange& exchange, std::int64_t wall_milliseconds, Clock::time_point ended,
                           std::span<char> buffer) noexcept {
  const Facts& facts = exchange.facts;
  TextWriter out(buffer);
  out.put(R"({"time":")");
  put_time(out, wall_milliseconds);
  put_word(out, R"(","request_id":")", facts.request_id.view());
  put_word(out, R"(","trace_id":")", facts.traceparent.view().substr(3, 32));
  put_word(out, R"(","client":")", facts.client.view());
  put_word(out, R"(","method":")", facts.method.view());
  put_word(out, R"(","host":")", facts.host.view());
  put_text(out, R"(","path":)", path_of(exchange));
  out.put(R"(,"status":)");
  out.put_number(static_cast<std::uint64_t>(facts.status));
  if (!facts.code.empty()) put_text(out, R"(,"code":)", facts.code);
  if (!facts.cut.empty()) put_text(out, R"(,"cut":)", facts.cut);
  if (facts.decided) {
    put_text(out, R"(,"rule":)", facts.rule.view());
    put_word(out, R"(,"verdict":")", facts.verdict == policy::Verdict::allow ? "allow" : "deny");
    put_word(out, R"(","reason":")", policy::to_string(facts.reason));
    out.put(facts.shadowed ? R"(","shadowed":true)" : R"(")");
    if (!facts.unmet.empty()) put_text(out, R"(,"unmet":)", facts.unmet.view());
    put_word(out, R"(,"subject_type":")", policy::to_string(facts.subject_type));
    put_text(out, R"(","subject":)", facts.subject.view());
  }
  if (facts.looked_up) {
    put_word(out, R"(,"token":")", facts.token.view());
    put_word(out, R"(","token_state":")", store::to_string(facts.token_state));
    out.put('"');
  }
  if (!facts.certificate.empty()) put_text(out, R"(,"client_certificate":)", facts.certificate);
  out.put(R"(,"bytes_received":)");
  out.put_number(facts.bytes_received);
  out.put(R"(,"bytes_sent":)");
  out.put_number(facts.bytes_sent);
  out.put(R"(,"duration_us":)");
  out.put_number(microseconds(ended - facts.began));
  if (facts.answered != Clock::time_point{}) {
    out.put(R"(,"upstream_us":)");
    out.put_number(microseconds(facts.answered - facts.began));
  }
  out.put("}\n");
  return out.overflowed() ? 0 : out.size();
}

}  // namespace postern
