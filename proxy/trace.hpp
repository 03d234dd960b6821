// Request ids and W3C trace context: a good one is passed on, anything else is replaced.

#pragma once

#include <cstdint>
#include <string_view>

#include "conf/limits.hpp"
#include "proxy/bounded_text.hpp"

namespace postern {

/// Numbers for ids: unpredictable enough not to collide, of no use as secrets. One per shard, no system call
/// per number.
class IdSource {
 public:
  IdSource();  ///< seeded by the operating system
  [[nodiscard]] std::uint64_t next() noexcept;

 private:
  std::uint64_t state_[4];
};

using RequestId = BoundedText<limits::request_id_bytes_max>;
using TraceParent = BoundedText<55>;
using SpanId = BoundedText<16>;

/// The client's X-Request-Id when it is one to be shown in logs and headers (letters, digits and `-._~+/=:@`,
/// at most limits::request_id_bytes_max), else a new one of 32 hex digits.
void choose_request_id(std::string_view presented, IdSource& ids, RequestId& out) noexcept;

/// The client's traceparent when it is well-formed (https://www.w3.org/TR/trace-context, version 00), else a
/// new one, not sampled. False when it had to be made: a tracestate then belongs to a trace that ends here.
bool choose_traceparent(std::string_view presented, IdSource& ids, TraceParent& out) noexcept;

/// Parts of a well-formed traceparent: 32 and 16 hex digits, and whether its trace is recorded.
[[nodiscard]] constexpr std::string_view trace_id(std::string_view traceparent) noexcept {
  return traceparent.substr(3, 32);
}
[[nodiscard]] constexpr std::string_view span_id(std::string_view traceparent) noexcept {
  return traceparent.substr(36, 16);
}
[[nodiscard]] bool is_sampled(std::string_view traceparent) noexcept;

/// Makes this request a span of its own in a trace that is recorded: `traceparent` then names our span, and
/// `parent` the client's. A trace that begins here (not `continued`) is recorded in `sample_percent` cases of
/// a hundred. False, with nothing changed, when the trace is not recorded.
bool begin_span(bool continued, std::uint32_t sample_percent, IdSource& ids, TraceParent& traceparent,
                SpanId& parent) noexcept;

}  // namespace postern
