// A request as a span of a distributed trace, in the JSON form of OTLP
// (https://opentelemetry.io/docs/specs/otlp): one object of `scopeSpans.spans`, with the attributes of
// OpenTelemetry's conventions for HTTP servers.

#pragma once

#include <cstdint>
#include <span>

#include "proxy/exchange.hpp"

namespace postern {

/// One object and a line feed, which no JSON text holds: whoever reads several knows where each ends. Holds
/// no secret and no query. `wall` is Unix time in nanoseconds at the end. Returns the size; 0 when it does
/// not fit.
[[nodiscard]] std::size_t write_span(const Exchange& exchange, std::uint64_t wall_nanoseconds,
                                     Clock::time_point ended, std::span<char> out) noexcept;

}  // namespace postern
