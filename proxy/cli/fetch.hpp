// A document from a URL: one GET, answered in full or not at all.

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "conf/result.hpp"

namespace postern::cli {

/// What a URL says, ready to be asked for.
struct HttpUrl {
  bool tls = false;
  std::string host;       ///< a name or an IP literal, without brackets
  std::string port;       ///< digits
  std::string authority;  ///< for Host: as written, in lower case
  std::string target;     ///< path and query, never empty
};

[[nodiscard]] bool is_http_url(std::string_view text) noexcept;
/// Errors (usage): no host, user and password, a port or a byte that no URL has. A fragment is dropped.
[[nodiscard]] Result<HttpUrl> parse_http_url(std::string_view text);

struct FetchBounds {
  std::chrono::seconds time{30};             ///< for all of it, but for looking the name up
  std::size_t bytes_max = 64 * 1024 * 1024;  ///< of the body
};

/// The body of the answer 200 to a GET. https is always verified, by whom the system trusts (SSL_CERT_FILE
/// names others). Redirections are not followed but told. Errors begin with the URL and say what was met: no
/// connection, a certificate, another status, an answer that is malformed, coded, too large, too slow or cut
/// off.
[[nodiscard]] Result<std::string> fetch(const std::string& url, const FetchBounds& bounds);

}  // namespace postern::cli
