// What both sides of TLS have in common: protocol, ciphers, and the pair we show.

#pragma once

#include <memory>
#include <openssl/ssl.h>
#include <string_view>

#include "conf/config.hpp"
#include "conf/result.hpp"
#include "proxy/tls_files.hpp"

namespace postern {

struct FreeSslContext {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, FreeSslContext>;

/// OpenSSL's last reason as an error of ours: "tls: cannot be set up: reason". Clears its queue.
[[nodiscard]] Error tls_failure(std::string_view what);

/// OpenSSL reads no configuration file, whatever the environment names: what it allows is written here, and
/// an image has none. Before anything else of it is used.
void leave_openssl_unconfigured() noexcept;

/// TLS 1.2 and 1.3 with sane ciphers, and the modes that TlsStream relies on.
[[nodiscard]] Result<SslContext> make_ssl_context(const SSL_METHOD* method);

/// Shows this certificate and its chain.
[[nodiscard]] Status show_pair(SSL_CTX* context, const LoadedPair& pair, const KeyPair& files);

}  // namespace postern
