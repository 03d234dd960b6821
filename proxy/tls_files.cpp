#include "proxy/tls_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "conf/limits.hpp"

namespace postern {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
struct FreeNames {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};

Error about(const std::string& file, std::string_view what) {
  return {ErrorKind::invalid, file + ": " + std::string(what)};
}

Result<std::string> read_pem(const std::string& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text(limits::pem_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in && in.gcount() == 0 && errno != 0)) return about(file, std::strerror(errno));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > limits::pem_bytes_max) return about(file, "is too large for a PEM file");
  return text;
}

Bio reading(const std::string& text) {
  ERR_clear_error();
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// A server has nobody to ask for a passphrase.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

/// OpenSSL says "no start line" when there is nothing more.
bool at_end_of_pem() noexcept {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::string_view view(const ASN1_STRING* string) noexcept {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string printed(const ASN1_TIME* time) {
  const Bio out(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(out.get(), time);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(std::max(size, 0L))};
}

}  // namespace

Result<std::vector<Certificate>> load_certificates(const std::string& file) {
  POSTERN_TRY(const std::string text, read_pem(file));
  const Bio in = reading(text);
  std::vector<Certificate> certificates;
  while (X509* one = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) certificates.emplace_back(one);
  if (!at_end_of_pem()) return about(file, "holds a certificate that cannot be read");
  if (certificates.empty()) return about(file, "holds no certificate in PEM form");
  return certificates;
}

Result<LoadedPair> load_pair(const KeyPair& files) {
  LoadedPair pair;
  POSTERN_TRY(pair.chain, load_certificates(files.certificate));
  const std::string& file = files.key.empty() ? files.certificate : files.key;
  POSTERN_TRY(std::string text, read_pem(file));
  bool locked = false;
  pair.key.reset(PEM_read_bio_PrivateKey(reading(text).get(), nullptr, no_passphrase, &locked));
  std::fill(text.begin(), text.end(), '\0');
  ERR_clear_error();
  if (locked) return about(file, "the private key is behind a passphrase, which nobody is there to type");
  if (!pair.key) return about(file, "holds no private key in PEM form");
  const bool fits = X509_check_private_key(pair.chain.front().get(), pair.key.get()) == 1;
  ERR_clear_error();
  if (!fits) return about(file, "the private key does not belong to the certificate in " + files.certificate);
  return pair;
}

std::vector<std::string> names_of(const X509& certificate) {
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, FreeNames> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_DNS) names.push_back(lower(view(name->d.dNSName)));
  }
  if (alternatives) return names;
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) names.push_back(lower(view(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))));
  return names;
}

std::string untimely(const X509& certificate) {
  const ASN1_TIME* const begins = X509_get0_notBefore(&certificate);
  const ASN1_TIME* const ends = X509_get0_notAfter(&certificate);
  if (X509_cmp_current_time(ends) < 0) return "expired on " + printed(ends);
  if (X509_cmp_current_time(begins) > 0) return "is not valid before " + printed(begins);
  return {};
}

std::int64_t expiry_of(const X509& certificate) noexcept {
  std::tm parts{};
  return ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &parts) == 1 ? ::timegm(&parts) : 0;
}

std::string subject_of(const X509& certificate) {
  const Bio out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253) < 0)
    return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  const std::string_view name(text, static_cast<std::size_t>(std::max(size, 0L)));
  // OpenSSL escapes what is not printable; this is the second lock on the same door.
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (!plain || name.size() > limits::certificate_subject_bytes_max) return {};
  return std::string(name);
}

}  // namespace postern
