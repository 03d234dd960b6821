// Certificates and keys from PEM files, with what is wrong with them as one sentence.

#pragma once

#include <memory>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "conf/result.hpp"

namespace postern {

struct FreeX509 {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
using Certificate = std::unique_ptr<X509, FreeX509>;
struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeKey>;

/// A certificate with its chain (leaf first) and the key that belongs to it.
struct LoadedPair {
  std::vector<Certificate> chain;
  PrivateKey key;
};

/// All certificates of a file, in its order. Errors: unreadable, broken, or none in it.
[[nodiscard]] Result<std::vector<Certificate>> load_certificates(const std::string& file);
/// Errors: as above; no key, one behind a passphrase, or one of another certificate.
[[nodiscard]] Result<LoadedPair> load_pair(const KeyPair& files);

/// The names a server certificate is for, lower case: DNS names of subjectAltName, else the common name.
[[nodiscard]] std::vector<std::string> names_of(const X509& certificate);
/// "expired on Nov 24 12:00:00 2026 GMT", "not valid before …", or empty: what deserves a warning.
[[nodiscard]] std::string untimely(const X509& certificate);
/// Unix seconds.
[[nodiscard]] std::int64_t expiry_of(const X509& certificate) noexcept;
/// The subject as RFC 2253 writes it: printable ASCII. Empty when it has no name, holds a byte that no header
/// may carry, or is longer than limits::certificate_subject_bytes_max.
[[nodiscard]] std::string subject_of(const X509& certificate);

}  // namespace postern
