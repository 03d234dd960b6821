// Our own answers: status, challenge, problem document (design §11).

#include "proxy/answer.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include "tests/proxy/heads.hpp"

using namespace postern;
using namespace postern::test;

namespace {

struct Written {
  std::string text, body;
  boost::json::object problem;
  ReadResponse head;
};

Written write(const Answer& answer, bool close = true, std::string_view request_id = "r1",
              std::string_view realm = "postern") {
  AnswerContext context;
  context.request_id = request_id;
  context.realm = realm;
  context.close = close;
  std::vector<char> out(answer_bytes_max);
  const std::string text(out.data(), write_answer(answer, context, out));
  const std::size_t end = text.find("\r\n\r\n") + 4;
  const std::string body = text.substr(end);
  return {text, body, boost::json::parse(body).as_object(), ReadResponse(text)};
}

std::string field(const Written& written, std::string_view name) {
  std::string value = "(none)";
  int count = 0;
  for (const Field& one : written.head.head().all())
    if (iequals(one.name.of(written.head.buffer()), name)) {
      value = std::string(one.value.of(written.head.buffer()));
      ++count;
    }
  CHECK(count <= 1);
  return value;
}

Answer of_reason(policy::Reason reason) {
  policy::Decision decision;
  decision.reason = reason;
  return answers::of(decision);
}

std::vector<Answer> all_answers() {
  using policy::Reason;
  using policy::TargetError;
  std::vector<Answer> all{
      answers::malformed_credential, answers::ambiguous_field,    answers::method_not_allowed,
      answers::bad_upgrade,          answers::bad_body,           answers::body_too_large,
      answers::head_timeout,         answers::store_unavailable,  answers::no_capacity,
      answers::upstream_unreachable, answers::upstream_malformed, answers::upstream_timeout};
  for (int i = 0; i <= static_cast<int>(Reason::requirement_not_met); ++i)
    all.push_back(of_reason(static_cast<Reason>(i)));
  for (int i = 1; i <= static_cast<int>(TargetError::fragment); ++i)
    all.push_back(answers::of(static_cast<TargetError>(i)));
  for (int i = 1; i <= static_cast<int>(HeadError::too_many_fields); ++i)
    all.push_back(answers::of(static_cast<HeadError>(i)));
  return all;
}

}  // namespace

TEST_CASE(
    "every answer is a head our own strict reader accepts, with a problem document of the told length") {
  for (const Answer& answer : all_answers()) {
    CAPTURE(std::string(answer.code));
    const Written written = write(answer);
    CHECK(written.head.head().status == answer.status);
    CHECK(written.head.head().framing == Framing::length);
    CHECK(written.head.head().content_length == written.body.size());
    CHECK(!written.head.head().reason.of(written.head.buffer()).empty());
    CHECK(field(written, "Content-Type") == "application/problem+json");
    CHECK(field(written, "Cache-Control") == "no-store");
    CHECK(field(written, "X-Request-Id") == "r1");
    CHECK(field(written, "Location") == "(none)");
    CHECK(written.problem.at("status").as_int64() == answer.status);
    CHECK(written.problem.at("code").as_string() == boost::json::string_view(answer.code));
    CHECK(written.problem.at("type").as_string() == "about:blank");
    CHECK(!written.problem.at("title").as_string().empty());
    CHECK(!written.problem.at("detail").as_string().empty());
    CHECK(written.problem.at("request_id").as_string() == "r1");
    CHECK(answer.status >= 400);
    CHECK(answer.status <= 599);
  }
}

TEST_CASE("a decision becomes a status, a code and a challenge in one place") {
  using policy::Reason;
  struct Row {
    Reason reason;
    int status;
    std::string code, challenge;
  };
  const Row rows[] = {
      {Reason::no_credential, 401, "no_credential", "Bearer realm=\"postern\""},
      {Reason::invalid_token, 401, "invalid_token", "Bearer realm=\"postern\", error=\"invalid_token\""},
      {Reason::no_rule, 403, "no_rule", "(none)"},
      {Reason::denied, 403, "denied", "(none)"},
      {Reason::missing_permission, 403, "insufficient_scope",
       "Bearer realm=\"postern\", error=\"insufficient_scope\""},
      {Reason::missing_role, 403, "insufficient_scope",
       "Bearer realm=\"postern\", error=\"insufficient_scope\""},
      {Reason::missing_group, 403, "insufficient_scope",
       "Bearer realm=\"postern\", error=\"insufficient_scope\""},
      {Reason::missing_license, 403, "insufficient_scope",
       "Bearer realm=\"postern\", error=\"insufficient_scope\""},
      {Reason::requirement_not_met, 403, "insufficient_scope",
       "Bearer realm=\"postern\", error=\"insufficient_scope\""},
  };
  for (const Row& row : rows) {
    const Answer answer = of_reason(row.reason);
    CAPTURE(row.code);
    CHECK(answer.status == row.status);
    CHECK(answer.code == row.code);
    CHECK(field(write(answer), "WWW-Authenticate") == row.challenge);
  }
  CHECK(write(of_reason(Reason::missing_role)).problem.at("reason").as_string() == "missing_role");
  CHECK_FALSE(write(of_reason(Reason::invalid_token)).problem.contains("reason"));
}

TEST_CASE("failures have the statuses of design §11") {
  struct Row {
    Answer answer;
    int status;
  };
  const Row rows[] = {
      {answers::malformed_credential, 400},
      {answers::ambiguous_field, 400},
      {answers::method_not_allowed, 405},
      {answers::bad_upgrade, 400},
      {answers::bad_body, 400},
      {answers::body_too_large, 413},
      {answers::head_timeout, 408},
      {answers::store_unavailable, 503},
      {answers::no_capacity, 503},
      {answers::upstream_unreachable, 502},
      {answers::upstream_malformed, 502},
      {answers::upstream_timeout, 504},
      {answers::of(HeadError::target_too_long), 414},
      {answers::of(HeadError::head_too_long), 431},
      {answers::of(HeadError::unsupported_version), 505},
      {answers::of(HeadError::bad_expect), 417},
      {answers::of(policy::TargetError::dot_segment), 400},
      {answers::of(policy::TargetError::too_long), 414},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.answer.code));
    CHECK(row.answer.status == row.status);
  }
  CHECK(Answer{}.status == 500);
}

TEST_CASE("fields that only some answers carry") {
  CHECK(field(write(answers::method_not_allowed), "Allow") == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  CHECK(field(write(answers::bad_upgrade), "Allow") == "(none)");
  CHECK(field(write(answers::store_unavailable), "Retry-After") == "1");
  CHECK(field(write(answers::no_capacity), "Retry-After") == "1");
  CHECK(field(write(answers::upstream_timeout), "Retry-After") == "(none)");
  CHECK(field(write(answers::malformed_credential), "WWW-Authenticate") ==
        "Bearer realm=\"postern\", error=\"invalid_request\"");
  CHECK(field(write(answers::store_unavailable), "WWW-Authenticate") == "(none)");
}

TEST_CASE("an answer says whether the connection closes") {
  CHECK(field(write(answers::bad_body, true), "Connection") == "close");
  CHECK(field(write(answers::bad_body, false), "Connection") == "(none)");
}

TEST_CASE("an answer to HEAD tells the length and sends nothing of it") {
  AnswerContext context;
  context.request_id = "r1";
  context.realm = "postern";
  std::vector<char> out(answer_bytes_max);
  const std::string get(out.data(), write_answer(answers::bad_body, context, out));
  context.head_request = true;
  const std::string head(out.data(), write_answer(answers::bad_body, context, out));
  CHECK(head == get.substr(0, get.find("\r\n\r\n") + 4));
}

TEST_CASE("no answer outgrows its buffer with the longest realm and request id") {
  const std::string id(limits::request_id_bytes_max, 'i');
  const std::string realm(limits::realm_bytes_max, 'r');
  for (const Answer& answer : all_answers()) {
    CAPTURE(std::string(answer.code));
    CHECK(write(answer, true, id, realm).text.size() <= answer_bytes_max);
  }
}

TEST_CASE("reason phrases") {
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(103) == "Early Hints");
  CHECK(reason_phrase(404) == "Not Found");
  CHECK(reason_phrase(299).empty());
}
