#include "proxy/request_line.hpp"

#include <algorithm>
#include <array>

#include "policy/target.hpp"
#include "proxy/byte_class.hpp"

namespace postern {
namespace {

/// Bytes of "http://" or "https://" at the front of `target`, 0 when there is neither.
std::uint32_t scheme_size(std::string_view target) noexcept {
  if (iequals(target.substr(0, 7), "http://")) return 7;
  if (iequals(target.substr(0, 8), "https://")) return 8;
  return 0;
}

/// `uri-host ":" port`, the port not empty (RFC 9112 §3.2.3).
bool is_authority(std::string_view text) noexcept {
  return text.find(':') != std::string_view::npos && is(text.back(), digit_byte) && is_host(text);
}

/// Sets form and path of a target whose bytes are known to be right.
HeadError read_form(const char* buffer, RequestHead& head) noexcept {
  const std::string_view target = head.target.of(buffer);
  if (target.front() == '/') {
    head.form = TargetForm::origin;
    return HeadError::none;
  }
  const std::string_view method = head.method.of(buffer);
  if (method == "CONNECT") {
    head.form = TargetForm::authority;
    head.path = {};
    return is_authority(target) ? HeadError::none : HeadError::bad_target;
  }
  if (target == "*") {
    head.form = TargetForm::asterisk;
    head.path = {};
    return method == "OPTIONS" ? HeadError::none : HeadError::bad_target;
  }
  const std::uint32_t scheme = scheme_size(target);
  if (scheme == 0) return HeadError::bad_target;
  head.form = TargetForm::absolute;
  const std::string_view rest = head.path.of(buffer).substr(scheme);
  const auto authority = static_cast<std::uint32_t>(std::min(rest.find('/'), rest.size()));
  if (!is_host(rest.substr(0, authority))) return HeadError::bad_target;
  head.path = {head.path.begin + scheme + authority, head.path.size - scheme - authority};
  return HeadError::none;
}

/// Sets target, path and query to what begins at `at`. The byte behind it must be in none of their classes,
/// so that no loop needs a bound.
const char* take_target(const char* buffer, const char* at, RequestHead& head) noexcept {
  const auto offset = [buffer](const char* place) { return static_cast<std::uint32_t>(place - buffer); };
  head.target.begin = head.path.begin = offset(at);
  while (is(*at, path_byte)) ++at;
  head.path.size = offset(at) - head.path.begin;
  head.has_query = *at == '?';
  head.query = {};
  if (head.has_query) {
    head.query.begin = offset(++at);
    while (is(*at, query_byte)) ++at;
    head.query.size = offset(at) - head.query.begin;
  }
  head.target.size = offset(at) - head.target.begin;
  return at;
}

/// `version` is what follows the target's space.
HeadError read_version(std::string_view version, RequestHead& head) noexcept {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") {
    head.minor = version.back() == '1' ? 1 : 0;
    return HeadError::none;
  }
  const bool well_formed = version.size() == 8 && version.substr(0, 5) == "HTTP/" &&
                           is(version[5], digit_byte) && version[6] == '.' && is(version[7], digit_byte);
  return well_formed ? HeadError::unsupported_version : HeadError::bad_version;
}

}  // namespace

bool is_host(std::string_view text) noexcept {
  std::array<char, limits::host_bytes_max> out;
  policy::CanonicalHost host;
  return policy::canonical_host(text, out, host);
}

Slice authority_of(const RequestHead& head, const char* buffer) noexcept {
  const std::uint32_t begin = head.target.begin + scheme_size(head.target.of(buffer));
  return {begin, head.path.begin - begin};
}

HeadError read_request_line(const char* buffer, Line line, RequestHead& head) noexcept {
  const auto offset = [buffer](const char* at) { return static_cast<std::uint32_t>(at - buffer); };
  // The CR at the end of the line is in none of the classes, so no loop needs a bound.
  const char* at = buffer + line.begin;
  while (is(*at, tchar_byte)) ++at;
  head.method = {line.begin, offset(at) - line.begin};
  if (head.method.size == 0 || head.method.size > limits::method_bytes_max) return HeadError::bad_method;
  if (*at != ' ')
    return is_ows(*at) || offset(at) == line.end ? HeadError::bad_request_line : HeadError::bad_method;

  at = take_target(buffer, at + 1, head);
  if (*at != ' ')
    return is_ows(*at) || offset(at) == line.end ? HeadError::bad_request_line : HeadError::bad_target;
  if (head.target.size == 0) return HeadError::bad_request_line;
  if (head.target.size > limits::target_bytes_max) return HeadError::target_too_long;

  // The version first: the preface of HTTP/2 (`PRI * HTTP/2.0`) is told what is wrong with it, not that `*`
  // is.
  if (const HeadError error = read_version({at + 1, line.end - offset(at + 1)}, head);
      error != HeadError::none)
    return error;
  return read_form(buffer, head);
}

HeadError read_target(const char* buffer, Slice value, RequestHead& head) noexcept {
  if (value.size == 0) return HeadError::bad_target;
  take_target(buffer, buffer + value.begin, head);
  if (head.target.size != value.size) return HeadError::bad_target;
  if (head.target.size > limits::target_bytes_max) return HeadError::target_too_long;
  return read_form(buffer, head);
}

HeadError oversized_request_line(std::string_view line) noexcept {
  const std::size_t space = line.find(' ');
  return space <= limits::method_bytes_max ? HeadError::target_too_long : HeadError::bad_method;
}

}  // namespace postern
