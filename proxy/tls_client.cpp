#include "proxy/tls_client.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "proxy/address.hpp"

namespace postern {
namespace {

std::string system_place(const char* variable, const char* usual) {
  const char* const set = std::getenv(variable);
  return set ? set : usual;
}

/// OpenSSL looks certificates of a directory up by the hash of their subject: "5ed36f99.0".
bool holds_hashed_certificate(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.size() == 10 && name[8] == '.' && name.find_first_not_of("0123456789abcdef") == 8) return true;
  }
  return false;
}

Status trust_the_system(SSL_CTX* context) {
  SSL_CTX_set_default_verify_paths(context);
  ERR_clear_error();
  const int known = sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(context)));
  const std::string directory = system_place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  if (known > 0 || holds_hashed_certificate(directory)) return {};
  const std::string file = system_place(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  return Error{ErrorKind::invalid,
               "no authority is known to verify it by: neither " + file + " nor " + directory +
                   " holds a certificate; install ca-certificates or name a file by tls.ca"};
}

Status trust(SSL_CTX* context, const std::string& file) {
  if (file.empty()) return trust_the_system(context);
  POSTERN_TRY(const auto authorities, load_certificates(file));
  for (const Certificate& authority : authorities)
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1)
      return tls_failure(file + ": cannot be used");
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsClient>> TlsClient::load(const UpstreamTls& tls) {
  POSTERN_TRY(SslContext context, make_ssl_context(TLS_client_method()));
  POSTERN_TRY_STATUS(trust(context.get(), tls.ca));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // connections are kept instead
  static constexpr unsigned char protocol[] = "\x08http/1.1";
  if (SSL_CTX_set_alpn_protos(context.get(), protocol, sizeof protocol - 1) != 0)
    return tls_failure("tls: cannot be set up");
  if (!tls.pair.certificate.empty()) {
    POSTERN_TRY(const LoadedPair pair, load_pair(tls.pair));
    POSTERN_TRY_STATUS(show_pair(context.get(), pair, tls.pair));
  }
  return std::shared_ptr<const TlsClient>(new TlsClient(std::move(context), tls.server_name));
}

bool TlsClient::expect(SSL* ssl, const std::string& host) const noexcept {
  const std::string& name = server_name_.empty() ? host : server_name_;
  X509_VERIFY_PARAM* const terms = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(terms, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (parse_address(name)) return X509_VERIFY_PARAM_set1_ip_asc(terms, name.c_str()) == 1;
  // SSL_set_tlsext_host_name(), whose macro has casts of old style.
  auto* const text = const_cast<char*>(name.c_str());
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, text) == 1 &&
         X509_VERIFY_PARAM_set1_host(terms, name.data(), name.size()) == 1;
}

Ssl TlsClient::connect(const std::string& host) const noexcept {
  Ssl ssl(SSL_new(context_.get()));
  if (!ssl || !expect(ssl.get(), host)) return nullptr;
  SSL_set_connect_state(ssl.get());
  return ssl;
}

}  // namespace postern
