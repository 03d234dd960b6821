#include "proxy/tls_setup.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string>

namespace postern {
namespace {

// Mozilla's "intermediate" of 2023, without finite-field Diffie-Hellman, which costs a server ten times as
// much.
constexpr char ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char groups[] = "X25519:prime256v1:secp384r1";

}  // namespace

Error tls_failure(std::string_view what) {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return {ErrorKind::internal, std::string(what) + (reason ? std::string(": ") + reason : std::string())};
}

void leave_openssl_unconfigured() noexcept {
  // Of the library below only, which settles it for both: what speaks no TLS pays nothing for it.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
}

Result<SslContext> make_ssl_context(const SSL_METHOD* method) {
  SslContext made(SSL_CTX_new(method));
  if (!made) return tls_failure("tls: cannot be set up");
  SSL_CTX* const context = made.get();
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS |
                                SSL_MODE_NO_AUTO_CHAIN);  // what the file holds is sent
  SSL_CTX_set_read_ahead(context, 1);                     // a record's head and body in one call
  const bool good = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                    SSL_CTX_set_cipher_list(context, ciphers) == 1 &&
                    SSL_CTX_set1_groups_list(context, groups) == 1;
  if (!good) return tls_failure("tls: cannot be set up");
  return made;
}

Status show_pair(SSL_CTX* context, const LoadedPair& pair, const KeyPair& files) {
  bool good = SSL_CTX_use_certificate(context, pair.chain.front().get()) == 1 &&
              SSL_CTX_use_PrivateKey(context, pair.key.get()) == 1;
  for (std::size_t i = 1; good && i < pair.chain.size(); ++i)
    good = SSL_CTX_add1_chain_cert(context, pair.chain[i].get()) == 1;
  if (!good) return tls_failure("tls: " + files.certificate + " cannot be used");
  return {};
}

}  // namespace postern
