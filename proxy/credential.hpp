// The credential of a request, as it stands in its head (RFC 6750 §2.1). Pure: whether it is any good is the
// store's word.

#pragma once

#include <string_view>

#include "proxy/head_reader.hpp"

namespace postern {

struct PresentedCredential {
  enum class Form : std::uint8_t {
    malformed = 0,  ///< repeated, a list, wrong blanks, bytes that no token68 holds: 400
    absent,         ///< no Authorization field
    other_scheme,   ///< Basic, Digest, …: not for us, but not forwarded either
    bearer,
  };
  Form form = Form::absent;
  std::string_view secret;  ///< with bearer; points into the head's buffer
};

/// Exactly one `Authorization: Bearer token68`, the scheme in any case, one space.
[[nodiscard]] PresentedCredential presented_credential(const RequestHead& head, const char* buffer) noexcept;

}  // namespace postern
