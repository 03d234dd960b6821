// TLS towards an upstream, where postern is the client: it believes nobody whose certificate it cannot
// verify.

#pragma once

#include <memory>
#include <string>

#include "conf/config.hpp"
#include "conf/result.hpp"
#include "proxy/tls_setup.hpp"
#include "proxy/tls_stream.hpp"

namespace postern {

/// Immutable, shared by all shards; a reload makes a new one.
class TlsClient {
 public:
  /// Reads the files of `tls`. Errors: one that is missing, broken or empty, a key that is another
  /// certificate's, and no authorities at all to verify the upstream by.
  [[nodiscard]] static Result<std::shared_ptr<const TlsClient>> load(const UpstreamTls& tls);

  /// The state of one connection to `host`, a name or an IP literal, whose certificate must be for it (or for
  /// the configured server_name). Null without memory.
  [[nodiscard]] Ssl connect(const std::string& host) const noexcept;
  [[nodiscard]] SSL_CTX* context() const noexcept { return context_.get(); }
  /// Makes `ssl` ask for `host` and accept nobody else. False without memory.
  [[nodiscard]] bool expect(SSL* ssl, const std::string& host) const noexcept;

 private:
  TlsClient(SslContext context, std::string server_name)
      : context_(std::move(context)), server_name_(std::move(server_name)) {}
  SslContext context_;
  std::string server_name_;
};

}  // namespace postern
