#include "proxy/admin/certificates.hpp"

#include <fstream>
#include <iterator>
#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace postern::admin {

std::string fingerprint(const std::vector<std::string>& files) {
  std::string all;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(in), {});
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
    OPENSSL_cleanse(text.data(), text.size());
    all += file + '\0';
    all.append(reinterpret_cast<const char*>(digest), sizeof digest);
  }
  return all;
}

namespace {

std::string fingerprint_of(const Tls& tls) {
  return fingerprint(Certificates::files(tls)) + static_cast<char>(tls.client_certificate);
}

}  // namespace

std::vector<std::string> Certificates::files(const Tls& tls) {
  std::vector<std::string> files{tls.pair.certificate, tls.pair.key, tls.client_ca};
  for (const KeyPair& pair : tls.pairs) files.insert(files.end(), {pair.certificate, pair.key});
  std::erase(files, std::string());
  return files;
}

bool Certificates::changed(const Tls& tls) const {
  return fingerprint_of(tls) != fingerprint_;
}

Status Certificates::load(const Tls& tls) {
  fingerprint_ = fingerprint_of(tls);  // before reading: what changes meanwhile is seen again
  std::vector<std::string> warnings;
  POSTERN_TRY(in_force_, TlsContext::load(tls, warnings));
  warnings_ = std::move(warnings);
  return {};
}

}  // namespace postern::admin
