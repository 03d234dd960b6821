// Our own credential at an upstream, as headers. Nothing here shows a value, in whatever it complains about.

#include "conf/upstream_headers.hpp"

#include <algorithm>
#include <array>

#include "conf/limits.hpp"
#include "conf/option_value.hpp"

namespace postern {
namespace {

/// Framing, routing and what we say ourselves: set a second time it could be read in two ways.
constexpr std::array<std::string_view, 16> taken_names = {
    "connection",  "content-length",   "expect",       "forwarded", "host",    "http2-settings",
    "keep-alive",  "proxy-connection", "te",           "trailer",   "upgrade", "transfer-encoding",
    "traceparent", "tracestate",       "x-request-id", "x-real-ip"};
constexpr std::string_view taken_family = "x-forwarded-";

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string folded(std::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

/// Letters, digits and inner dashes: a name that nobody reads as another one.
bool is_plain_name(std::string_view name) noexcept {
  const auto fit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), fit);
}

bool is_value(std::string_view value) noexcept {
  return !value.empty() && value.front() != ' ' && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::size_t line_bytes(const UpstreamHeader& header) noexcept {
  return header.name.size() + header.value.size() + 4;  // ": " and CRLF
}

}  // namespace

std::string upstream_header_flaw(std::string_view name, std::string_view subject_prefix) {
  const std::string known = folded(name);
  // Not quoted: in `{X-Api-Key:s3cret}`, without its blank, the name is the credential.
  if (!is_plain_name(name))
    return "a key is no name of a header: letters, digits and inner dashes are allowed";
  const bool taken = std::find(taken_names.begin(), taken_names.end(), known) != taken_names.end();
  if (taken || known.starts_with(taken_family))
    return quoted(name) + " frames or routes a request, or is written by postern itself";
  const std::string prefix = folded(subject_prefix);
  if (!prefix.empty() && (known.starts_with(prefix) || known + '-' == prefix))
    return quoted(name) + " lies among the subject headers, " + quoted(std::string(subject_prefix) + '*');
  return {};
}

std::string upstream_headers_flaw(const std::vector<UpstreamHeader>& headers,
                                  std::string_view subject_prefix) {
  std::size_t bytes = 0;
  for (auto one = headers.begin(); one != headers.end(); ++one) {
    if (std::string flaw = upstream_header_flaw(one->name, subject_prefix); !flaw.empty()) return flaw;
    const bool again = std::any_of(headers.begin(), one, [&](const UpstreamHeader& earlier) {
      return folded(earlier.name) == folded(one->name);
    });
    if (again) return quoted(one->name) + " is set twice";
    bytes += line_bytes(*one);
  }
  if (headers.size() > limits::upstream_headers_max)
    return "more than " + std::to_string(limits::upstream_headers_max) + " headers";
  if (bytes > limits::upstream_header_bytes_max)
    return "the headers are longer than " + std::to_string(limits::upstream_header_bytes_max) +
           " bytes together";
  return {};
}

void read_upstream_headers(const Given& given, std::vector<UpstreamHeader>& out) {
  if (given.node.kind != yaml::Kind::mapping)
    return given.mistake("a mapping of names to values is expected");
  std::vector<UpstreamHeader> read;
  for (const yaml::Entry& entry : given.node.entries) {
    const Position at{given.at.file, entry.line, entry.column};
    const Given one{entry.value, at, given.option, given.diagnostics};
    if (std::string flaw = upstream_header_flaw(entry.key, {}); !flaw.empty())
      one.mistake(flaw);
    else if (entry.value.kind != yaml::Kind::scalar || !is_value(entry.value.scalar))
      one.mistake("the value of " + quoted(entry.key) + " is not printable ASCII on one line");
    else
      read.push_back({entry.key, entry.value.scalar});
  }
  out = std::move(read);
}

std::vector<UpstreamHeader> load_upstream_headers(const std::string& file, Diagnostics& diagnostics) {
  static constexpr Option option{.name = "headers_file", .secret = true};
  const std::size_t mistakes = diagnostics.size();
  const yaml::Document document = yaml::load(file, diagnostics);
  std::vector<UpstreamHeader> headers;
  if (diagnostics.size() > mistakes) return headers;
  read_upstream_headers(Given{document.root, {file, 0, 0}, option, diagnostics}, headers);
  return headers;
}

}  // namespace postern
