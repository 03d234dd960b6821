#include <algorithm>

#include "conf/option_value.hpp"

namespace postern {
namespace {

constexpr std::string_view http_scheme = "http://";
constexpr std::string_view https_scheme = "https://";
constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;
constexpr std::string_view spelling = "write http://host:port, https://host:port or unix:/path";

bool names_port(std::string_view authority) {
  const std::size_t bracket = authority.rfind(']');
  return authority.find(':', bracket == std::string_view::npos ? 0 : bracket) != std::string_view::npos;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// The Host that an upstream expects: its authority, without the port when it is the scheme's own (RFC 9110
/// §4.2.3).
std::string host_field(const Endpoint& endpoint, std::uint16_t scheme_port) {
  const std::string authority = endpoint.to_string();
  return endpoint.port == scheme_port ? authority.substr(0, authority.rfind(':')) : authority;
}

}  // namespace

void read_upstream_url(const Given& given, UpstreamAddress& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;

  if (text->starts_with("unix:")) {
    const auto endpoint = parse_endpoint(*text);
    if (!endpoint)
      return given.mistake(given.shown() + " is not the path of a socket", std::string(spelling));
    out = {*endpoint, "localhost", false};
    return;
  }
  const bool tls = text->starts_with(https_scheme);
  if (!tls && !text->starts_with(http_scheme)) {
    const bool scheme_missing = parse_endpoint(*text).has_value();
    return given.mistake(given.shown() + " is not an upstream",
                         scheme_missing ? "did you mean " + quoted(std::string(http_scheme) + *text) + "?"
                                        : std::string(spelling));
  }
  std::string authority = lower(text->substr(tls ? https_scheme.size() : http_scheme.size()));
  if (authority.ends_with('/')) authority.pop_back();
  // What is matched is what is forwarded: an upstream adds nothing to the path.
  if (authority.find_first_of("/?#") != std::string::npos)
    return given.mistake("an upstream has no path, query or fragment", std::string(spelling));
  if (authority.find('@') != std::string::npos)
    return given.mistake("an upstream has no user or password in its URL");
  const std::uint16_t scheme_port = tls ? https_port : http_port;
  if (!names_port(authority)) authority += ':' + std::to_string(scheme_port);
  auto endpoint = parse_endpoint(authority);
  if (!endpoint || endpoint->is_unix() || endpoint->port == 0)
    return given.mistake(given.shown() + " is not an upstream", std::string(spelling));
  out.authority = host_field(*endpoint, scheme_port);
  out.tls = tls;
  out.endpoint = std::move(*endpoint);
}

void read_http_url(const Given& given, std::string& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  if (text->empty()) return out.clear();
  const bool tls = text->starts_with(https_scheme);
  if (!tls && !text->starts_with(http_scheme))
    return given.mistake(given.shown() + " is no URL",
                         "write http://host:port/path or https://host:port/path");
  const std::string rest = text->substr(tls ? https_scheme.size() : http_scheme.size());
  std::string authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string::npos) return given.mistake("a URL here has no user or password");
  if (!names_port(authority)) authority += ':' + std::to_string(tls ? https_port : http_port);
  const bool printable = std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (!printable || !parse_endpoint(authority)) return given.mistake(given.shown() + " is no URL");
  out = *text;
}

}  // namespace postern
