#include "proxy/tls_context.hpp"

#include <algorithm>
#include <array>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <span>

#include "conf/limits.hpp"
#include "proxy/ticket_keys.hpp"
#include "proxy/tls_files.hpp"

namespace postern {
namespace {

/// `http/1.1` is all we speak; who offers only something else is told so at once (RFC 7301 §3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, ours, sizeof ours - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

int choose_certificate(SSL* ssl, int*, void* argument) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (!name) return SSL_TLSEXT_ERR_OK;
  SSL_CTX* const context = static_cast<const TlsContext*>(argument)->context_for(name);
  if (context != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, context);
  return SSL_TLSEXT_ERR_OK;
}

/// Seals and opens session tickets. Answers as OpenSSL wants them: 0 no such key, 1 good, 2 good but give a
/// new one.
int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
               int sealing) {
  TlsStream& stream = TlsStream::of(ssl);
  if (!stream.ticket_keys()) return 0;
  const Clock::time_point now = stream.reactor().now();
  const TicketKey& newest = stream.ticket_keys()->current(now);
  const TicketKey* key = &newest;
  if (sealing) {
    std::copy(key->name.begin(), key->name.end(), name);
    if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
  } else {
    key = stream.ticket_keys()->find(std::span<const std::uint8_t, 16>(name, 16), now);
    if (!key) return 0;
  }
  char digest[] = "SHA256";
  auto* const secret = const_cast<std::uint8_t*>(key->mac.data());
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret, key->mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(mac, parameters) != 1) return -1;
  if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv, sealing) != 1) return -1;
  return sealing || key == &newest ? 1 : 2;
}

Status set_client_ca(SSL_CTX* context, const Tls& tls) {
  if (tls.client_certificate == ClientCertificate::none) return {};
  auto loaded = load_certificates(tls.client_ca);
  if (!loaded) return loaded.error().within("tls.client_ca");
  X509_STORE* const trusted = SSL_CTX_get_cert_store(context);
  for (const Certificate& authority : *loaded)
    if (X509_STORE_add_cert(trusted, authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1)
      return tls_failure("tls.client_ca: " + tls.client_ca + " cannot be used");
  const bool required = tls.client_certificate == ClientCertificate::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  SSL_CTX_set_verify_depth(context, limits::certificate_depth_max);
  // A session begun under other authorities or other demands is not taken up again.
  std::vector<unsigned char> terms{static_cast<unsigned char>(required)};
  for (const Certificate& authority : *loaded) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    X509_digest(authority.get(), EVP_sha256(), digest.data(), nullptr);
    terms.insert(terms.end(), digest.begin(), digest.end());
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> id{};
  SHA256(terms.data(), terms.size(), id.data());
  SSL_CTX_set_session_id_context(context, id.data(), id.size());
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const Tls& tls,
                                                           std::vector<std::string>& warnings) {
  const std::shared_ptr<TlsContext> made(new TlsContext);
  if (!tls.pair.certificate.empty()) POSTERN_TRY_STATUS(made->add(tls.pair, tls, warnings));
  for (const KeyPair& files : tls.pairs) POSTERN_TRY_STATUS(made->add(files, tls, warnings));
  if (made->contexts_.empty()) return Error{ErrorKind::invalid, "tls: no certificate is configured any more"};
  SSL_CTX* const first = made->contexts_.front().get();
  SSL_CTX_callback_ctrl(first, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(choose_certificate));
  SSL_CTX_set_tlsext_servername_arg(first, made.get());
  return std::shared_ptr<const TlsContext>(made);
}

Status TlsContext::add(const KeyPair& files, const Tls& tls, std::vector<std::string>& warnings) {
  auto pair = load_pair(files);
  if (!pair) return pair.error().within("tls");
  const X509& leaf = *pair->chain.front();
  if (const std::string why = untimely(leaf); !why.empty())
    warnings.push_back("tls: the certificate in " + files.certificate + " " + why);

  POSTERN_TRY(SslContext context, make_ssl_context(TLS_server_method()));
  POSTERN_TRY_STATUS(show_pair(context.get(), *pair, files));
  static constexpr unsigned char plain[] = "postern";
  SSL_CTX_set_session_id_context(context.get(), plain, sizeof plain - 1);
  POSTERN_TRY_STATUS(set_client_ca(context.get(), tls));
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets: nothing kept, nothing locked
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context.get(), ticket_key);

  expires_ = std::min(expires_, expiry_of(leaf));
  for (std::string& name : names_of(leaf)) names_.emplace(std::move(name), context.get());
  contexts_.push_back(std::move(context));
  return {};
}

SSL_CTX* TlsContext::context_for(std::string_view name) const {
  std::string wanted(name.substr(0, limits::host_bytes_max));
  for (char& c : wanted)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (const auto exact = names_.find(wanted); exact != names_.end()) return exact->second;
  const std::size_t dot = wanted.find('.');
  if (dot != std::string::npos)  // a star stands for one label (RFC 6125 §6.4.3)
    if (const auto any = names_.find("*" + wanted.substr(dot)); any != names_.end()) return any->second;
  return contexts_.front().get();
}

Ssl TlsContext::accept() const noexcept {
  Ssl ssl(SSL_new(contexts_.front().get()));
  if (ssl) SSL_set_accept_state(ssl.get());
  return ssl;
}

bool client_subject(const SSL* ssl, std::string& subject, UnixSeconds& expires) {
  subject.clear();
  const X509* const certificate = SSL_get0_peer_certificate(ssl);
  if (!certificate) return true;
  if (SSL_get_verify_result(ssl) != X509_V_OK || !untimely(*certificate).empty()) return false;
  subject = subject_of(*certificate);
  expires = expiry_of(*certificate);
  return !subject.empty();
}

}  // namespace postern
