// What is said about listeners and certificates: values that may be a text or a small mapping.

#include "conf/option_value.hpp"

namespace postern {
namespace {

/// Reads the entries of a mapping, each by the reader of its key.
void read_keys(const Given& given, std::initializer_list<std::string_view> keys, const auto& read) {
  for (const yaml::Entry& entry : given.node.entries) {
    const Position at{given.at.file, entry.value.line, entry.value.column};
    if (read(entry.key, Given{entry.value, at, given.option, given.diagnostics})) continue;
    const Position key_at{given.at.file, entry.line, entry.column};
    given.diagnostics.add(key_at, std::string(given.option.name) + ": unknown key " + quoted(entry.key),
                          did_you_mean(entry.key, keys));
  }
}

void read_decide(const Given& given, Decide& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  if (*text == "x-original")
    out = Decide::x_original;
  else if (*text == "x-forwarded")
    out = Decide::x_forwarded;
  else if (*text == "request")
    out = Decide::request;
  else
    given.mistake(given.shown() + " is none of x-original, x-forwarded, request",
                  did_you_mean(*text, {"x-original", "x-forwarded", "request"}));
}

}  // namespace

void read_listen(const Given& given, Listen& out) {
  if (given.node.kind != yaml::Kind::mapping) return read_endpoint(given, out.endpoint);
  bool addressed = false;
  read_keys(given, {"address", "tls", "proxy_protocol", "decide"},
            [&](std::string_view key, const Given& value) {
              if (key == "address") {
                addressed = true;
                read_endpoint(value, out.endpoint);
              } else if (key == "tls") {
                bool tls = false;
                read_bool(value, tls);
                out.tls = tls;
              } else if (key == "proxy_protocol") {
                read_bool(value, out.proxy_protocol);
              } else if (key == "decide") {
                read_decide(value, out.decide);
              } else {
                return false;
              }
              return true;
            });
  if (!addressed) given.mistake("an entry needs an address", "write {address: host:port}");
}

void read_key_pair(const Given& given, KeyPair& out) {
  if (given.node.kind != yaml::Kind::mapping) return read_path(given, out.certificate);
  read_keys(given, {"certificate", "key"}, [&](std::string_view key, const Given& value) {
    if (key != "certificate" && key != "key") return false;
    read_path(value, key == "key" ? out.key : out.certificate);
    return true;
  });
  if (out.certificate.empty()) given.mistake("an entry needs a certificate");
}

void read_client_certificate(const Given& given, ClientCertificate& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  if (*text == "none")
    out = ClientCertificate::none;
  else if (*text == "optional")
    out = ClientCertificate::optional;
  else if (*text == "required")
    out = ClientCertificate::required;
  else
    given.mistake(given.shown() + " is none of " + std::string(given.option.bounds),
                  did_you_mean(*text, {"none", "optional", "required"}));
}

}  // namespace postern
