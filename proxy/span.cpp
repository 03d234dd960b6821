#include "proxy/span.hpp"

#include "proxy/json.hpp"

namespace postern {
namespace {

constexpr std::size_t path_bytes_max = 1024;  // of the attribute; a longer path is cut

constexpr std::string_view other_method = "_OTHER";

/// Of RFC 9110 and 5789; OpenTelemetry has one name for all others. Empty when there was none.
std::string_view known_method(std::string_view method) noexcept {
  for (const std::string_view known :
       {"", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
    if (method == known) return known;
  return other_method;
}

std::uint64_t nanoseconds(Clock::duration duration) noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
}

/// Attributes, each with the comma before it but for the first.
class Attributes {
 public:
  explicit Attributes(TextWriter& out) noexcept : out_(out) {}
  void text(std::string_view key, std::string_view value) noexcept {
    if (value.empty()) return;
    begin(key);
    out_.put(R"("stringValue":)");
    put_json_string(out_, value);
    out_.put("}}");
  }
  void number(std::string_view key, std::uint64_t value) noexcept {
    begin(key);
    out_.put(R"("intValue":")");  // 64 bits are text in this form
    out_.put_number(value);
    out_.put(R"("}})");
  }

 private:
  void begin(std::string_view key) noexcept {
    out_.put(first_ ? R"({"key":")" : R"(,{"key":")");
    out_.put(key);
    out_.put(R"(","value":{)");
    first_ = false;
  }
  TextWriter& out_;
  bool first_ = true;
};

void put_attributes(TextWriter& out, const Exchange& exchange) noexcept {
  const Facts& facts = exchange.facts;
  Attributes attributes(out);
  const std::string_view method = known_method(facts.method.view());
  attributes.text("http.request.method", method);
  if (method == other_method) attributes.text("http.request.method_original", facts.method.view());
  attributes.text("url.path", exchange.path.text.substr(0, path_bytes_max));
  attributes.text("server.address", facts.host.view());
  attributes.text("client.address", facts.client.view());
  if (facts.status != 0)
    attributes.number("http.response.status_code", static_cast<std::uint64_t>(facts.status));
  attributes.text("error.type", !facts.cut.empty() ? facts.cut : facts.code);
  attributes.number("http.request.body.size", facts.bytes_received);
  attributes.number("http.response.body.size", facts.bytes_sent);
  attributes.text("postern.request_id", facts.request_id.view());
  if (facts.decided) {
    attributes.text("postern.rule", facts.rule.view());
    attributes.text("postern.verdict", facts.verdict == policy::Verdict::allow ? "allow" : "deny");
    attributes.text("postern.reason", policy::to_string(facts.reason));
    attributes.text("postern.subject_type", policy::to_string(facts.subject_type));
    attributes.text("user.id", facts.subject.view());
  }
  if (facts.looked_up) {
    attributes.text("postern.token", facts.token.view());
    attributes.text("postern.token_state", store::to_string(facts.token_state));
  }
  if (facts.answered != Clock::time_point{})
    attributes.number("postern.upstream_us", nanoseconds(facts.answered - facts.began) / 1000);
}

}  // namespace

std::size_t write_span(const Exchange& exchange, std::uint64_t wall_nanoseconds, Clock::time_point ended,
                       std::span<char> buffer) noexcept {
  const Facts& facts = exchange.facts;
  const std::string_view traceparent = facts.traceparent.view();
  TextWriter out(buffer);
  out.put(R"({"traceId":")");
  out.put(trace_id(traceparent));
  out.put(R"(","spanId":")");
  out.put(span_id(traceparent));
  if (!facts.parent_span.empty()) {
    out.put(R"(","parentSpanId":")");
    out.put(facts.parent_span.view());
  }
  out.put(R"(","name":)");
  // One of few names, as the conventions ask: rules are few; paths, and methods that somebody makes up, are
  // not.
  char name[8 + decltype(facts.rule)::capacity];
  TextWriter named(name);
  const std::string_view method = known_method(facts.method.view());
  named.put(method.empty() || method == other_method ? std::string_view("HTTP") : method);
  if (!facts.rule.empty()) {
    named.put(' ');
    named.put(facts.rule.view());
  }
  put_json_string(out, named.view());
  out.put(R"(,"kind":2,"startTimeUnixNano":")");  // SPAN_KIND_SERVER
  out.put_number(wall_nanoseconds - nanoseconds(ended - facts.began));
  out.put(R"(","endTimeUnixNano":")");
  out.put_number(wall_nanoseconds);
  out.put(R"(","attributes":[)");
  put_attributes(out, exchange);
  // What a server could not do is an error; what a client must not do is none.
  out.put(facts.status >= 500 || !facts.cut.empty() ? R"(],"status":{"code":2}})" : "]}");
  out.put('\n');
  return out.overflowed() ? 0 : out.size();
}

}  // namespace postern
