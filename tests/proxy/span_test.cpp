// A request as a span: the JSON form of OTLP, to the byte.

#include "proxy/span.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <memory>
#include <string>

using namespace postern;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t wall = 1'700'000'000'000'000'000;

std::unique_ptr<Exchange> exchange() {
  auto made = std::make_unique<Exchange>();
  Facts& facts = made->facts;
  facts.traceparent.assign("00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01");
  facts.parent_span.assign("00f067aa0ba902b7");
  facts.method.assign("GET");
  facts.began = Clock::time_point(1s);
  return made;
}

std::string span_of(const Exchange& exchange) {
  char buffer[limits::span_bytes_max];
  return {buffer, write_span(exchange, wall, Clock::time_point(1s + 1500us), buffer)};
}

}  // namespace

TEST_CASE("the whole of a span that knows little") {
  CHECK(
      span_of(*exchange()) ==
      R"({"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"b7ad6b7169203331",)"
      R"("parentSpanId":"00f067aa0ba902b7","name":"GET","kind":2,"startTimeUnixNano":"1699999999998500000",)"
      R"("endTimeUnixNano":"1700000000000000000","attributes":[)"
      R"({"key":"http.request.method","value":{"stringValue":"GET"}},)"
      R"({"key":"http.request.body.size","value":{"intValue":"0"}},)"
      R"({"key":"http.response.body.size","value":{"intValue":"0"}}]})"
      "\n");
}

TEST_CASE("a span without a method, a parent or anything else is well-formed") {
  auto made = exchange();
  made->facts.method.clear();
  made->facts.parent_span.clear();
  const std::string text = span_of(*made);
  const boost::json::value span = boost::json::parse(text);
  CHECK(span.at("name") == "HTTP");
  CHECK_FALSE(span.as_object().contains("parentSpanId"));
}

TEST_CASE("what a server could not do is an error, also when it broke off") {
  for (const int status : {0, 200, 404, 499}) {
    auto made = exchange();
    made->facts.status = status;
    CHECK(span_of(*made).find(R"("status")") == std::string::npos);
  }
  auto failed = exchange();
  failed->facts.status = 502;
  CHECK(span_of(*failed).ends_with("],\"status\":{\"code\":2}}\n"));
  auto cut = exchange();
  cut->facts.status = 200;
  cut->facts.cut = "upstream_broke_off";
  CHECK(span_of(*cut).ends_with("],\"status\":{\"code\":2}}\n"));
}

TEST_CASE("texts are escaped, and no line feed but the last is in a span") {
  auto made = exchange();
  made->facts.decided = true;
  made->facts.rule.assign("a\"b\n");
  made->facts.subject.assign("\xff\\");
  const std::string text = span_of(*made);
  CHECK(text.find('\n') == text.size() - 1);
  CHECK(boost::json::parse(text).at("name") == "GET a\"b\n");
}

TEST_CASE("a span that does not fit is none") {
  char small[100];
  CHECK(write_span(*exchange(), wall, Clock::time_point(2s), small) == 0);
}
