// Request ids and trace context: a good one passes, anything else is replaced.

#include "proxy/trace.hpp"

#include <doctest/doctest.h>
#include <set>
#include <string>

using namespace postern;

namespace {

IdSource ids;

std::string request_id(std::string_view presented) {
  RequestId out;
  choose_request_id(presented, ids, out);
  return std::string(out.view());
}
std::string traceparent(std::string_view presented) {
  TraceParent out;
  choose_traceparent(presented, ids, out);
  return std::string(out.view());
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

}  // namespace

TEST_CASE("a request id fit for logs and headers is passed on") {
  for (const std::string& id :
       {std::string("a"), std::string("0b3c-4d.e_f~g+h/i=j:k@l"), std::string(128, 'x')}) {
    CAPTURE(id);
    CHECK(request_id(id) == id);
  }
}

TEST_CASE("any other request id is replaced by a new one") {
  for (const std::string& id :
       {std::string(""), std::string("a b"), std::string("a\"b"), std::string("a\\b"), std::string("a,b"),
        std::string("a\tb"), std::string("caf\xc3\xa9"), std::string(129, 'x'), std::string("${jndi}"),
        std::string("a\r\nb"), std::string("a\0b", 3)}) {
    const std::string made = request_id(id);
    CAPTURE(id);
    CHECK(made.size() == 32);
    CHECK(is_hex(made));
  }
}

TEST_CASE("new ids differ") {
  std::set<std::string> made;
  for (int i = 0; i < 10'000; ++i) made.insert(request_id({}));
  CHECK(made.size() == 10'000);
  IdSource other;
  CHECK(other.next() != ids.next());
}

TEST_CASE("a well-formed traceparent is passed on") {
  CHECK(traceparent(good) == good);
  CHECK(traceparent("00-00000000000000000000000000000001-0000000000000001-ff") ==
        "00-00000000000000000000000000000001-0000000000000001-ff");
}

TEST_CASE("any other traceparent is replaced by a new one that is not sampled") {
  const std::string zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
  const std::string no_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
  std::string upper = good;
  upper[3] = 'A';
  for (const std::string& bad :
       {std::string(), zeros, no_span, upper, "01" + good.substr(2), "ff" + good.substr(2), good + "-x",
        good + "0", good.substr(1), good.substr(0, 52) + "_01", good.substr(0, 53) + "0g",
        "00_" + good.substr(3), std::string(55, '-')}) {
    const std::string made = traceparent(bad);
    CAPTURE(bad);
    CHECK(made.size() == 55);
    CHECK(made != bad);
    CHECK(made.substr(0, 3) == "00-");
    CHECK(made.substr(52) == "-00");
    CHECK(traceparent(made) == made);  // well-formed by our own measure
  }
}

TEST_CASE("a recorded trace gets a span of ours between the client's and the upstream's") {
  TraceParent context;
  context.assign(good);
  SpanId parent;
  CHECK(begin_span(true, 0, ids, context, parent));
  CHECK(parent.view() == "00f067aa0ba902b7");
  CHECK(trace_id(context.view()) == trace_id(good));
  CHECK(span_id(context.view()) != span_id(good));
  CHECK(context.view().substr(52) == "-01");
  CHECK(traceparent(context.view()) == context.view());  // well-formed by our own measure
}

TEST_CASE("whether a trace is recorded is the lowest bit of its flags") {
  for (const auto& [flags, recorded] : {std::pair("00", false),
                                        {"01", true},
                                        {"02", false},
                                        {"03", true},
                                        {"0a", false},
                                        {"0b", true},
                                        {"fe", false},
                                        {"ff", true}}) {
    TraceParent context;
    context.assign(good.substr(0, 53) + flags);
    SpanId parent;
    CAPTURE(flags);
    CHECK(is_sampled(context.view()) == recorded);
    CHECK(begin_span(true, 100, ids, context, parent) == recorded);
    CHECK(context.view().substr(53) == flags);
    CHECK((context.view().substr(0, 53) == good.substr(0, 53)) != recorded);
    CHECK(parent.empty() != recorded);
  }
}

TEST_CASE("a trace that begins here is recorded in so many cases of a hundred, and has no parent") {
  const auto recorded = [](std::uint32_t percent) {
    int count = 0;
    for (int i = 0; i < 1000; ++i) {
      TraceParent context;
      choose_traceparent({}, ids, context);
      const std::string before(context.view());
      SpanId parent;
      const bool begun = begin_span(false, percent, ids, context, parent);
      count += begun ? 1 : 0;
      CHECK(parent.empty());
      CHECK(context.view() == before.substr(0, 53) + (begun ? "01" : "00"));
    }
    return count;
  };
  CHECK(recorded(0) == 0);
  CHECK(recorded(100) == 1000);
  const int some = recorded(30);
  CHECK(some > 200);  // seven standard deviations
  CHECK(some < 400);
}
