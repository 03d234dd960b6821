// The credential of a request, as it stands in its head (RFC 6750 §2): in Authorization, or in one of the
// other places that the configuration or the rule names. Pure: whether it is any good is the store's word.

#pragma once

#include <bitset>
#include <span>
#include <string_view>

#include "conf/credential_source.hpp"
#include "proxy/head_reader.hpp"

namespace postern {

/// Where a credential may stand in this request. Both lists are borrowed. What the configuration names is a
/// credential on every path: it is never forwarded, even where a rule with a list of its own does not accept
/// it.
struct CredentialSources {
  std::span<const CredentialSource> general;  ///< of the configuration
  std::span<const CredentialSource> own;      ///< of the rule; empty: the general ones are accepted

  /// Whether a credential from this place counts here.
  [[nodiscard]] bool accept(CredentialPlace place, std::string_view name) const noexcept;
  [[nodiscard]] std::span<const CredentialSource> accepted() const noexcept {
    return own.empty() ? general : own;
  }
};

/// What of a head is a credential, and so goes no further. At most one piece is cut, since two credentials
/// are refused; fields are dropped whole, aliases too.
struct CredentialCut {
  static constexpr std::uint16_t no_field = 0xFFFF;
  std::bitset<limits::fields_max> dropped;  ///< by index of the field
  std::uint16_t field = no_field;           ///< whose value loses `piece`
  bool query = false;                       ///< the query loses `piece`
  Slice piece;                              ///< with the separator that goes with it
};

struct PresentedCredential {
  enum class Form : std::uint8_t {
    malformed = 0,  ///< repeated, several, a list, wrong blanks, bytes that no token68 holds: 400
    absent,         ///< none, or none that is accepted here
    other_scheme,   ///< Basic, Digest, …: not for us, but not forwarded either
    bearer,
  };
  Form form = Form::absent;
  CredentialPlace place = CredentialPlace::authorization;
  std::string_view source;  ///< its name in the configuration; empty for Authorization
  std::string_view secret;  ///< with bearer; points into the head's buffer or into `decoded`
};

/// A parameter of the query is decoded into this; what is longer is too long for a token anyway.
using DecodedCredential = std::array<char, limits::credential_bytes_max + 1>;

/// Exactly one credential: `Authorization: Bearer token68` (the scheme in any case, one space), or a token68
/// in one of `sources`. Two at once, in whatever places, are malformed. `handshake`: the request is a
/// WebSocket handshake, the only one that may carry a credential among its subprotocols. `cut` is complete
/// unless malformed.
[[nodiscard]] PresentedCredential presented_credential(const RequestHead& head, const char* buffer,
                                                       const CredentialSources& sources, bool handshake,
                                                       DecodedCredential& decoded,
                                                       CredentialCut& cut) noexcept;

/// What is left of the query, as two pieces; the second is empty unless something was cut.
struct QueryRest {
  std::string_view first, second;
};
[[nodiscard]] QueryRest query_without(const RequestHead& head, const char* buffer,
                                      const CredentialCut& cut) noexcept;

}  // namespace postern
