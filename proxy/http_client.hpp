// Asking another server something once, on a thread that may wait: a document by GET, answered in full or not
// at all; a report by POST.

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "conf/result.hpp"
#include "proxy/tls_client.hpp"

namespace postern {

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

struct HttpBounds {
  std::chrono::seconds time{30};             ///< for all of it, but for looking the name up
  std::size_t bytes_max = 64 * 1024 * 1024;  ///< of the answer's body
};

/// The body of the answer 200 to a GET. https is always verified, by whom the system trusts (SSL_CERT_FILE
/// names others). Redirections are not followed but told. Errors begin with the URL and say what was met: no
/// connection, a certificate, another status, an answer that is malformed, coded, too large, too slow or cut
/// off.
[[nodiscard]] Result<std::string> fetch(const std::string& url, const HttpBounds& bounds);

/// The status of the answer to a POST of `body`, which is of this media type; what the answer says is not
/// read. `tls` is needed for https. Errors are those of fetch(), without the URL; an end before its time,
/// too, when the descriptor `stop` (-1: none) becomes readable.
[[nodiscard]] Result<int> post(const HttpUrl& url, const TlsClient* tls, std::string_view media_type,
                               std::string_view body, std::chrono::seconds time, int stop = -1);

}  // namespace postern
