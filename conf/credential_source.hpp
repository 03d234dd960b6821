// Where a request may carry its credential besides Authorization: the same words in the configuration and in
// a rule.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/yaml.hpp"

namespace postern {

enum class CredentialPlace : std::uint8_t {
  authorization = 0,   ///< `Authorization: Bearer …`
  header,              ///< the whole value of a field
  cookie,              ///< one cookie
  query,               ///< one parameter (RFC 6750 §2.3)
  websocket_protocol,  ///< an element of Sec-WebSocket-Protocol: browsers can set no other field there
};

struct CredentialSource {
  CredentialPlace place = CredentialPlace::authorization;
  std::string name;  ///< of field, cookie or parameter; the words before the last '.' of the subprotocol
  friend bool operator==(const CredentialSource&, const CredentialSource&) = default;
};

/// Told of each mistake, with the part of the file that it is about.
using SourceMistake =
    std::function<void(const yaml::Node& node, std::string message, std::string suggestion)>;

/// Reads `[authorization, {header: X-API-Key}, {cookie: session}, {query: access_token},
/// {websocket_protocol: postern.bearer}]`, or one of them alone; `header:X-API-Key` in one word means the
/// same, for the environment. Empty after a mistake. At most limits::credential_sources_max, each once.
[[nodiscard]] std::vector<CredentialSource> read_credential_sources(const yaml::Node& node,
                                                                    const SourceMistake& mistake);

/// Whether the field of this source is among the subject headers, which no client may send.
[[nodiscard]] bool is_subject_header(const CredentialSource& source, std::string_view prefix) noexcept;

}  // namespace postern
