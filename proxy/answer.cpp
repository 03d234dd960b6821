#include "proxy/answer.hpp"

#include <boost/beast/http/status.hpp>

#include "proxy/bounded_text.hpp"
#include "proxy/json.hpp"

namespace postern {
namespace answers {

Answer of(HeadError error) noexcept {
  return {status_of(error), to_string(error), "The request head is malformed or beyond a limit.", {}, {}, 0};
}

Answer of(policy::TargetError error) noexcept {
  const int status = error == policy::TargetError::too_long ? 414 : 400;
  return {status, policy::to_string(error), "The request target could be read in more than one way.", {}, {},
          0};
}

Answer of(const policy::Decision& decision) noexcept {
  using policy::Reason;
  switch (decision.reason) {
    case Reason::no_credential:
      return {401, "no_credential", "A bearer token is required.", "none", {}, 0};
    case Reason::invalid_token:
      // Unknown, expired, disabled and deleted look alike from outside; the log knows the difference.
      return {401, "invalid_token", "The bearer token is not valid.", "invalid_token", {}, 0};
    case Reason::no_rule:
      return {403, "no_rule", "No rule allows this request.", {}, "no_rule", 0};
    case Reason::denied:
      return {403, "denied", "A rule denies this request.", {}, "denied", 0};
    case Reason::condition_not_met:
      return {403, "condition_not_met", "The rule does not allow this request as it is.",
              {},  "condition_not_met", 0};
    default:
      return {403,
              "insufficient_scope",
              "The token does not carry what this request needs.",
              "insufficient_scope",
              policy::to_string(decision.reason),
              0};
  }
}

const Answer malformed_credential{
    400, "invalid_request", "The credential is malformed, or there is more than one.", "invalid_request", {},
    0};
const Answer ambiguous_field{
    400, "ambiguous_field", "A field name could be taken for a framing or reserved one.", {}, {}, 0};
const Answer method_not_allowed{405, "method_not_allowed", "This method is not served.", {}, {}, 0};
const Answer bad_upgrade{400, "bad_upgrade", "Only a complete WebSocket handshake may upgrade.", {}, {}, 0};
const Answer bad_body{400, "bad_body", "The chunked body is malformed or beyond a limit.", {}, {}, 0};
const Answer body_too_large{413, "body_too_large", "The request body is larger than allowed.", {}, {}, 0};
const Answer token_revoked{401, "invalid_token", "The bearer token is no longer valid.", "invalid_token", {},
                           0};
const Answer head_timeout{408, "request_timeout", "The request did not arrive in time.", {}, {}, 0};
const Answer body_too_slow{408, "body_too_slow", "The request body came too slowly.", {}, {}, 0};
const Answer too_many_requests{503, "too_many_requests", "Too many requests are under way.", {}, {}, 1};
const Answer store_unavailable{503, "store_unavailable", "Tokens cannot be checked at the moment.", {}, {},
                               1};
const Answer no_capacity{503, "no_capacity", "Too many requests are under way.", {}, {}, 1};
const Answer untrusted_peer{403, "untrusted_peer", "Decisions are told to trusted proxies only.", {}, {}, 0};
const Answer nothing_asked{
    400, "nothing_asked", "The request to decide about is not named exactly once.", {}, {}, 0};
const Answer upstream_unreachable{502, "upstream_unreachable", "The upstream cannot be reached.", {}, {}, 0};
const Answer upstream_malformed{502, "upstream_malformed", "The upstream's answer is malformed.", {}, {}, 0};
const Answer upstream_timeout{504, "upstream_timeout", "The upstream did not answer in time.", {}, {}, 0};

Answer too_many_failures(int seconds) noexcept {
  return {
      429,    "too_many_failures", "Too many requests with unusable tokens came from this address.", {}, {},
      seconds};
}

}  // namespace answers

std::string_view reason_phrase(int status) noexcept {
  if (status == 103) return "Early Hints";  // younger than Beast's table
  namespace http = boost::beast::http;
  const http::status known = http::int_to_status(static_cast<unsigned>(status));
  if (known == http::status::unknown) return {};
  const auto phrase = http::obsolete_reason(known);
  return {phrase.data(), phrase.size()};
}

std::size_t write_answer(const Answer& answer, const AnswerContext& context, std::span<char> out) noexcept {
  char body_bytes[768];
  TextWriter body(body_bytes);
  body.put(R"({"type":"about:blank","title":)");
  put_json_string(body, reason_phrase(answer.status));
  body.put(R"(,"status":)");
  body.put_number(static_cast<std::uint64_t>(answer.status));
  body.put(R"(,"code":)");
  put_json_string(body, answer.code);
  body.put(R"(,"detail":)");
  put_json_string(body, answer.detail);
  if (!answer.reason.empty()) {
    body.put(R"(,"reason":)");
    put_json_string(body, answer.reason);
  }
  body.put(R"(,"request_id":)");
  put_json_string(body, context.request_id);
  body.put("}\n");

  TextWriter head(out);
  head.put("HTTP/1.1 ");
  head.put_number(static_cast<std::uint64_t>(answer.status));
  head.put(' ');
  head.put(reason_phrase(answer.status));
  head.put("\r\nContent-Type: application/problem+json\r\nContent-Length: ");
  head.put_number(body.size());
  head.put("\r\nDate: ");
  head.put(context.date);
  head.put("\r\nCache-Control: no-store\r\nX-Request-Id: ");
  head.put(context.request_id);
  if (!answer.challenge.empty()) {
    head.put("\r\nWWW-Authenticate: Bearer realm=\"");
    head.put(context.realm);
    head.put('"');
    if (answer.challenge != "none") {
      head.put(", error=\"");
      head.put(answer.challenge);
      head.put('"');
    }
  }
  if (answer.status == 405) head.put("\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  if (answer.retry_after > 0) {
    head.put("\r\nRetry-After: ");
    head.put_number(static_cast<std::uint64_t>(answer.retry_after));
  }
  head.put(context.close ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
  if (!context.head_request) head.put(body.view());
  POSTERN_CHECK(!head.overflowed() && !body.overflowed());
  return head.size();
}

}  // namespace postern
