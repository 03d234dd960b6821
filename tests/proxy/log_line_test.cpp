// One line a request: JSON that can be read back, without secret and query.

#include "proxy/log_line.hpp"

#include <boost/json.hpp>
#include <cstring>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

using namespace postern;
using namespace std::chrono_literals;

namespace {

/// An exchange as it stands when a request was read.
struct Asked {
  explicit Asked(std::string_view text) : exchange(new Exchange) {
    exchange->next_request();
    std::memcpy(exchange->in, text.data(), text.size());
    exchange->head_complete =
        exchange->request_reader.feed({exchange->in, text.size()}, exchange->request) == HeadStatus::complete;
    exchange->facts.request_id.assign("r1");
    exchange->facts.traceparent.assign("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    exchange->facts.client.assign("192.0.2.1");
    exchange->facts.began = Clock::time_point(100s);
  }
  [[nodiscard]] std::string line(std::size_t room = limits::log_line_bytes_max) const {
    std::vector<char> bytes(room);
    const std::size_t size =
        write_log_line(*exchange, 1'795'532'400'123, Clock::time_point(100s + 1500us), bytes);
    return {bytes.data(), size};
  }
  [[nodiscard]] boost::json::object json() const { return boost::json::parse(line()).as_object(); }

  std::unique_ptr<Exchange> exchange;
};

std::string text(const boost::json::object& object, const char* key) {
  return std::string(object.at(key).as_string().c_str());
}

const char* const request =
    "GET /a?token=hidden HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer pst_hidden\r\n\r\n";

}  // namespace

TEST_CASE("a decided request tells who, what, why and how long") {
  Asked asked(request);
  Facts& facts = asked.exchange->facts;
  facts.method.assign("GET");
  facts.host.assign("h");
  asked.exchange->path.text = "/a";
  facts.rule.assign("orders");
  facts.decided = facts.looked_up = true;
  facts.verdict = policy::Verdict::allow;
  facts.reason = policy::Reason::granted;
  facts.subject.assign("ada");
  facts.subject_type = policy::SubjectType::user;
  facts.token.assign("tok_0123456789abcdef");
  facts.token_state = store::TokenState::valid;
  facts.status = 200;
  facts.bytes_received = 7;
  facts.bytes_sent = 9;
  facts.answered = facts.began + 1ms;
  CHECK(
      asked.line() ==
      R"({"time":"2026-11-24T15:00:00.123Z","request_id":"r1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",)"
      R"("client":"192.0.2.1","method":"GET","host":"h","path":"/a","status":200,"rule":"orders","verdict":"allow",)"
      R"("reason":"granted","subject_type":"user","subject":"ada","token":"tok_0123456789abcdef","token_state":"valid",)"
      R"("bytes_received":7,"bytes_sent":9,"duration_us":1500,"upstream_us":1000})"
      "\n");
}

TEST_CASE("what a rule in shadow mode would have denied is told, with what was missing") {
  Asked asked(request);
  Facts& facts = asked.exchange->facts;
  asked.exchange->path.text = "/a";
  facts.decided = facts.shadowed = true;
  facts.verdict = policy::Verdict::allow;
  facts.reason = policy::Reason::missing_permission;
  CHECK(!asked.json().contains("unmet"));
  facts.unmet.assign("permission shop.orders.write");
  CHECK(text(asked.json(), "unmet") == "permission shop.orders.write");
  CHECK(asked.json().at("shadowed").as_bool());
}

TEST_CASE("neither the query nor the credential is in the line, whatever became of the request") {
  for (const bool canonical : {true, false}) {
    Asked asked(request);
    if (canonical) asked.exchange->path.text = "/a";
    CHECK(asked.line().find("hidden") == std::string::npos);
    CHECK(text(asked.json(), "path") == "/a");
  }
  CHECK(Asked("GET //x?hidden HTTP/1.1\r\nHost: h\r\n\r\n").line().find("hidden") == std::string::npos);
  CHECK(text(Asked("GET //x?hidden HTTP/1.1\r\nHost: h\r\n\r\n").json(), "path") == "//x");
}

TEST_CASE("a head that was not read tells nothing of what it held") {
  Asked asked("GET /secret HTTP/1.1\r\nHost: a b\r\n\r\n");
  CHECK_FALSE(asked.exchange->head_complete);
  asked.exchange->facts.status = 400;
  asked.exchange->facts.code = "bad_host";
  const boost::json::object json = asked.json();
  CHECK(text(json, "path").empty());
  CHECK(text(json, "code") == "bad_host");
  CHECK_FALSE(json.contains("rule"));
  CHECK_FALSE(json.contains("token"));
  CHECK_FALSE(json.contains("upstream_us"));
}

TEST_CASE("a shadowed denial says so") {
  Asked asked(request);
  asked.exchange->facts.decided = asked.exchange->facts.shadowed = true;
  CHECK(asked.json().at("shadowed").as_bool());
}

TEST_CASE("foreign bytes do not break the line") {
  Asked asked(request);
  asked.exchange->facts.rule.assign("a\"b\\c\n\xff");
  asked.exchange->facts.decided = true;
  const std::string line = asked.line();
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(text(asked.json(), "rule") == "a\"b\\c\n\xEF\xBF\xBD");
}

TEST_CASE("a line that does not fit is none") {
  const Asked asked(request);
  const std::size_t size = asked.line().size();
  CHECK(asked.line(size).size() == size);
  for (std::size_t room = 0; room < size; ++room) {
    CAPTURE(room);
    CHECK(asked.line(room).empty());
  }
}

TEST_CASE("the longest path fits") {
  std::string long_path = "/" + std::string(limits::target_bytes_max - 1, 'p');
  const Asked asked("GET " + long_path + " HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(text(asked.json(), "path") == long_path);
}
