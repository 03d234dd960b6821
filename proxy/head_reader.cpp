#include "proxy/head_reader.hpp"

#include <algorithm>

#include "proxy/request_line.hpp"

namespace postern {
namespace {

static_assert(limits::head_bytes_max > request_line_bytes_max + 4,
              "a long target must be told from a long head");

/// Forgets the message before. The fields themselves are written before they are counted.
void clear(Head& head) noexcept {
  head.framing = Framing::none;
  head.content_length = 0;
  head.connection_close = head.connection_keep_alive = false;
  head.connection_upgrade = head.connection_nominates = false;
  head.field_count = 0;
  head.known_fields = 0;
  head.size = 0;
}

/// Reads one field line into the head's next place and looks at it for the framing.
HeadError append_field(const char* buffer, Line line, FramingFields& framing, Head& head) noexcept {
  if (head.field_count == limits::fields_max) return HeadError::too_many_fields;
  Field& field = head.fields[head.field_count];
  if (const HeadError error = read_field_line(buffer, line, field); error != HeadError::none) return error;
  ++head.field_count;
  head.note(field.known);
  return framing.take(field, buffer, head);
}

/// `HTTP/1.[01] SP 3DIGIT [SP reason]`, the status from 100 to 599.
HeadError read_status_line(const char* buffer, Line line, ResponseHead& head) noexcept {
  const std::string_view text(buffer + line.begin, line.end - line.begin);
  constexpr std::size_t status_at = 9;  // after "HTTP/1.1 "
  constexpr std::size_t status_end = 12;
  const bool shaped = text.size() >= status_end && text.substr(0, 7) == "HTTP/1." &&
                      (text[7] == '0' || text[7] == '1') && text[8] == ' ' && text[9] >= '1' &&
                      text[9] <= '5' && is(text[10], digit_byte) && is(text[11], digit_byte);
  if (!shaped || (text.size() > status_end && text[status_end] != ' ')) return HeadError::bad_status_line;

  head.minor = text[7] == '1' ? 1 : 0;
  const auto digit = [&](std::size_t i) { return text[status_at + i] - '0'; };
  head.status = static_cast<std::uint16_t>(digit(0) * 100 + digit(1) * 10 + digit(2));
  const std::string_view reason = text.substr(std::min(text.size(), status_end + 1));
  head.reason = {line.end - static_cast<std::uint32_t>(reason.size()),
                 static_cast<std::uint32_t>(reason.size())};
  const char* const end = buffer + line.end;
  return find_non_value_byte(end - reason.size(), end) == end ? HeadError::none : HeadError::bad_status_line;
}

}  // namespace

HeadStatus RequestReader::refuse(HeadError error) noexcept {
  error_ = error;
  return HeadStatus::refused;
}

HeadStatus RequestReader::feed(std::string_view buffer, RequestHead& head) noexcept {
  if (error_ != HeadError::none) return HeadStatus::refused;
  for (;;) {
    const std::size_t end_max =
        request_line_seen_ ? limits::head_bytes_max : lines_.begin() + request_line_bytes_max;
    Line line;
    switch (lines_.next(buffer, end_max, line)) {
      case LineScanner::Found::nothing:
        return HeadStatus::incomplete;
      case LineScanner::Found::bad_end:
        return refuse(HeadError::bad_line_end);
      case LineScanner::Found::too_long:
        return refuse(request_line_seen_ ? HeadError::head_too_long
                                         : oversized_request_line(buffer.substr(lines_.begin())));
      case LineScanner::Found::line:
        break;
    }
    HeadError error;
    if (!request_line_seen_) {
      error = take_first_line(buffer.data(), line, head);
    } else if (!line.empty()) {
      error = take_field_line(buffer.data(), line, head);
    } else {
      error = finish(buffer.data(), head);
      head.size = lines_.begin();
      return error == HeadError::none ? HeadStatus::complete : refuse(error);
    }
    if (error != HeadError::none) return refuse(error);
  }
}

HeadStatus RequestReader::feed(std::string_view buffer, RequestHead& head,
                               const HeadLimits& bounds) noexcept {
  const HeadStatus status = feed(buffer, head);
  if (status == HeadStatus::refused) return status;
  const bool complete = status == HeadStatus::complete;
  if (complete && head.target.size > bounds.target) return refuse(HeadError::target_too_long);
  if ((complete ? head.size : buffer.size()) > bounds.head) return refuse(HeadError::head_too_long);
  if (complete && head.field_count > bounds.fields) return refuse(HeadError::too_many_fields);
  return status;
}

HeadError RequestReader::take_first_line(const char* buffer, Line line, RequestHead& head) noexcept {
  if (line.empty()) {
    // RFC 9112 §2.2: what an old client sends after a body. One is more than anybody needs.
    if (empty_line_seen_) return HeadError::bad_request_line;
    empty_line_seen_ = true;
    return HeadError::none;
  }
  request_line_seen_ = true;
  clear(head);
  head.host = {};
  head.has_host = head.expect_continue = false;
  return read_request_line(buffer, line, head);
}

HeadError RequestReader::take_field_line(const char* buffer, Line line, RequestHead& head) noexcept {
  if (const HeadError error = append_field(buffer, line, framing_, head); error != HeadError::none)
    return error;
  const Field& field = head.fields[head.field_count - 1u];
  if (field.known == FieldName::host) {
    if (head.has_host || !is_host(field.value.of(buffer))) return HeadError::bad_host;
    head.has_host = true;
    head.host = field.value;
  } else if (field.known == FieldName::expect && head.minor == 1) {
    // HTTP/1.0 does not know it: RFC 9110 §10.1.1 has us ignore it there.
    if (expect_seen_ || !iequals(field.value.of(buffer), "100-continue")) return HeadError::bad_expect;
    expect_seen_ = head.expect_continue = true;
  }
  return HeadError::none;
}

HeadError RequestReader::finish(const char* buffer, RequestHead& head) const noexcept {
  if (!head.has_host && head.minor == 1) return HeadError::missing_host;
  if (head.form == TargetForm::absolute) {
    const Slice authority = authority_of(head, buffer);
    if (!head.has_host) {
      head.host = authority;
      head.has_host = true;
    } else if (!iequals(authority.of(buffer), head.host.of(buffer))) {
      return HeadError::bad_host;
    }
  }
  return framing_.finish(head, Framing::none);
}

HeadStatus ResponseReader::refuse(HeadError error) noexcept {
  error_ = error;
  return HeadStatus::refused;
}

HeadStatus ResponseReader::feed(std::string_view buffer, ResponseHead& head) noexcept {
  if (error_ != HeadError::none) return HeadStatus::refused;
  for (;;) {
    Line line;
    switch (lines_.next(buffer, limits::head_bytes_max, line)) {
      case LineScanner::Found::nothing:
        return HeadStatus::incomplete;
      case LineScanner::Found::bad_end:
        return refuse(HeadError::bad_line_end);
      case LineScanner::Found::too_long:
        return refuse(HeadError::head_too_long);
      case LineScanner::Found::line:
        break;
    }
    HeadError error;
    if (!status_line_seen_) {
      status_line_seen_ = true;
      clear(head);
      head.has_date = false;
      error = read_status_line(buffer.data(), line, head);
    } else if (!line.empty()) {
      error = take_field_line(buffer.data(), line, head);
    } else {
      error = framing_.finish(head, Framing::until_close);
      head.size = lines_.begin();
      return error == HeadError::none ? HeadStatus::complete : refuse(error);
    }
    if (error != HeadError::none) return refuse(error);
  }
}

HeadError ResponseReader::take_field_line(const char* buffer, Line line, ResponseHead& head) noexcept {
  if (const HeadError error = append_field(buffer, line, framing_, head); error != HeadError::none)
    return error;
  if (head.fields[head.field_count - 1u].known == FieldName::date) head.has_date = true;
  return HeadError::none;
}

Framing response_framing(const ResponseHead& head, bool head_request) noexcept {
  const bool bodiless = head_request || head.status < 200 || head.status == 204 || head.status == 304;
  return bodiless ? Framing::none : head.framing;
}

}  // namespace postern
