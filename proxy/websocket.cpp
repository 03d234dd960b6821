#include "proxy/websocket.hpp"

#include <cstring>
#include <openssl/evp.h>

namespace postern {
namespace {

/// The only value of a field; `count` tells how often the field stands there.
template <class AnyHead>
std::string_view single_value(const AnyHead& head, const char* buffer, FieldName name, int& count) noexcept {
  std::string_view value;
  count = 0;
  for (const Field& field : head.all()) {
    if (field.known != name) continue;
    value = field.value.of(buffer);
    ++count;
  }
  return value;
}

/// base64 of 16 bytes: 22 characters and "==" (RFC 6455 §4.1).
bool is_key(std::string_view key) noexcept {
  return key.size() == 24 && key.substr(22) == "==" &&
         key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == 22;
}

}  // namespace

UpgradeRequest upgrade_request(const RequestHead& head, const char* buffer) noexcept {
  if (!head.has(FieldName::upgrade) || !head.connection_upgrade) return UpgradeRequest::none;
  int upgrades = 0;
  const std::string_view upgrade = single_value(head, buffer, FieldName::upgrade, upgrades);
  bool wants_websocket = false;
  for_each_token(upgrade,
                 [&](std::string_view protocol) { wants_websocket |= iequals(protocol, "websocket"); });
  if (!wants_websocket && upgrades == 1) return UpgradeRequest::none;

  int keys = 0;
  int versions = 0;
  const std::string_view key = single_value(head, buffer, FieldName::sec_websocket_key, keys);
  const std::string_view version = single_value(head, buffer, FieldName::sec_websocket_version, versions);
  const bool complete = upgrades == 1 && iequals(upgrade, "websocket") && head.method.of(buffer) == "GET" &&
                        head.minor == 1 && head.framing == Framing::none && keys == 1 && is_key(key) &&
                        versions == 1 && version == "13";
  return complete ? UpgradeRequest::websocket : UpgradeRequest::malformed;
}

std::string_view websocket_key(const RequestHead& head, const char* buffer) noexcept {
  int count = 0;
  return single_value(head, buffer, FieldName::sec_websocket_key, count);
}

bool upgrade_accepted(const ResponseHead& response, const char* response_buffer,
                      std::string_view key) noexcept {
  constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char text[24 + 36];
  if (key.size() != 24) return false;
  std::memcpy(text, key.data(), key.size());
  std::memcpy(text + key.size(), guid.data(), guid.size());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (EVP_Digest(text, sizeof text, digest, &digest_size, EVP_sha1(), nullptr) != 1) return false;
  unsigned char expected[4 * EVP_MAX_MD_SIZE / 3 + 4];
  const int expected_size = EVP_EncodeBlock(expected, digest, static_cast<int>(digest_size));

  int upgrades = 0;
  int accepts = 0;
  const std::string_view upgrade = single_value(response, response_buffer, FieldName::upgrade, upgrades);
  const std::string_view accept =
      single_value(response, response_buffer, FieldName::sec_websocket_accept, accepts);
  return upgrades == 1 && iequals(upgrade, "websocket") && response.connection_upgrade && accepts == 1 &&
         accept == std::string_view(reinterpret_cast<const char*>(expected),
                                    static_cast<std::size_t>(expected_size));
}

}  // namespace postern
