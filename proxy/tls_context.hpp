// TLS towards clients: certificates by name, ciphers, client certificates. Immutable and shared by all
// shards; a reload makes a new one, and connections that began with the old one keep it.

#pragma once

#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <unordered_map>
#include <vector>

#include "conf/config.hpp"
#include "conf/result.hpp"
#include "conf/strong.hpp"
#include "proxy/tls_setup.hpp"
#include "proxy/tls_stream.hpp"

namespace postern {

class TlsContext {
 public:
  /// Reads the files. Errors: one that is missing, broken or empty, a key that is another certificate's.
  /// `warnings` gets what is odd but no reason not to serve: a certificate out of its time.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> load(const Tls& tls,
                                                                      std::vector<std::string>& warnings);

  /// The state of one connection from a client; null without memory.
  [[nodiscard]] Ssl accept() const noexcept;

  /// The certificate for `name`: an exact one, else `*.` and the rest of it, else the first.
  [[nodiscard]] SSL_CTX* context_for(std::string_view name) const;

  /// When the first of the certificates expires, Unix seconds.
  [[nodiscard]] std::int64_t expires() const noexcept { return expires_; }

 private:
  TlsContext() = default;
  [[nodiscard]] Status add(const KeyPair& files, const Tls& tls, std::vector<std::string>& warnings);

  std::vector<SslContext> contexts_;  ///< the first is for everybody else
  std::unordered_map<std::string, SSL_CTX*> names_;
  std::int64_t expires_ = INT64_MAX;
};

/// The subject of the client's verified certificate (tls_files.hpp), empty when it showed none, and until
/// when it is valid. False when it has one that cannot be told, or, on a resumed session, one that has
/// expired since.
[[nodiscard]] bool client_subject(const SSL* ssl, std::string& subject, UnixSeconds& expires);

}  // namespace postern
