#include "proxy/asked_request.hpp"

#include "proxy/byte_class.hpp"
#include "proxy/request_line.hpp"

namespace postern {
namespace {

struct Names {
  FieldName family;
  std::string_view method, target;
  std::string_view host;  ///< empty: the asking request's own Host
};
constexpr Names original{FieldName::x_original, "X-Original-Method", "X-Original-URI", {}};
constexpr Names forwarded{FieldName::x_forwarded, "X-Forwarded-Method", "X-Forwarded-Uri",
                          "X-Forwarded-Host"};

/// The value of the one field of this name. False when there is none, or several: the last word could be
/// the client's.
bool take_only(const RequestHead& head, const char* buffer, FieldName family, std::string_view name,
               Slice& value) noexcept {
  int count = 0;
  for (const Field& field : head.all()) {
    if (field.known != family || !iequals(field.name.of(buffer), name)) continue;
    value = field.value;
    ++count;
  }
  return count == 1;
}

}  // namespace

std::optional<Answer> put_asked_request(Decide decide, const char* buffer, RequestHead& head) noexcept {
  if (decide == Decide::none || decide == Decide::request) return std::nullopt;
  const Names& names = decide == Decide::x_original ? original : forwarded;
  Slice target;
  if (!take_only(head, buffer, names.family, names.method, head.method) ||
      !take_only(head, buffer, names.family, names.target, target) ||
      (!names.host.empty() && !take_only(head, buffer, names.family, names.host, head.host)))
    return answers::nothing_asked;
  if (!is_token(head.method.of(buffer)) || head.method.size > limits::method_bytes_max)
    return answers::of(HeadError::bad_method);
  if (const HeadError error = read_target(buffer, target, head); error != HeadError::none)
    return answers::of(error);
  head.has_host = head.has_host || !names.host.empty();
  if (!head.has_host) return answers::of(HeadError::missing_host);
  if (!is_host(head.host.of(buffer))) return answers::of(HeadError::bad_host);
  if (head.form == TargetForm::absolute &&
      !iequals(authority_of(head, buffer).of(buffer), head.host.of(buffer)))
    return answers::of(HeadError::bad_host);
  return std::nullopt;
}

Answer as_understood(Decide decide, Answer answer) noexcept {
  if (decide == Decide::x_original && answer.status < 500 && answer.status != 401) answer.status = 403;
  return answer;
}

}  // namespace postern
