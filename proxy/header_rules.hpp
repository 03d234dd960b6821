// What may pass from a client to the upstream and back. Pure; every rule stands in security.md, "Headers".

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "conf/field_alias.hpp"
#include "proxy/head_reader.hpp"

namespace postern {

/// What becomes of one field of a request.
enum class FieldFate : std::uint8_t {
  refuse = 0,  ///< an alias of a framing or routing name: 400
  drop,
  pass,
  credential,  ///< Authorization: read by us, never forwarded
};

/// The names an upstream takes for `prefix` names are reserved under every alias: any case, and every byte
/// that is neither letter nor digit taken for '-'.
class HeaderRules {
 public:
  /// `prefix` ends in '-': "X-Subject-".
  explicit HeaderRules(std::string_view prefix);

  /// Of a request field. `trusted` tells whether the peer is one of trusted_proxies, so that its forwarding
  /// facts count.
  [[nodiscard]] FieldFate request_field(std::string_view name, const Field& field,
                                        bool trusted) const noexcept;

  /// Whether `name` is a reserved subject header under any alias.
  [[nodiscard]] bool reserved(std::string_view name) const noexcept;

  /// Whether Connection may name this field for removal: not Host, Authorization, Content-Length,
  /// Transfer-Encoding, Cookie or a reserved header (400).
  [[nodiscard]] bool may_be_nominated(std::string_view name) const noexcept;

  /// Fields that carry a credential on some path. Borrowed until the next call.
  void set_credential_fields(std::span<const std::string> names) noexcept { credential_fields_ = names; }
  /// Whether `name` is one of them under any alias. In a head that depends on the rule (CredentialCut);
  /// elsewhere none of them has anything to do.
  [[nodiscard]] bool is_credential_field(std::string_view name) const noexcept;

  [[nodiscard]] std::string_view prefix() const noexcept { return prefix_; }

 private:
  std::string prefix_;
  std::string folded_prefix_;
  std::span<const std::string> credential_fields_;
};

/// Whether a response field passes to the client: hop-by-hop fields and our own framing do not.
[[nodiscard]] bool response_field_passes(const Field& field) noexcept;

/// Whether an upstream might read `name` as `folded`, a name in its comparison form without dashes at its
/// edges.
[[nodiscard]] bool is_alias_of(std::string_view name, std::string_view folded) noexcept;

/// The fields that this message's Connection lines name, apart from close, keep-alive and upgrade.
class Nominated {
 public:
  /// False when there are more than we track (then the message is refused) or, with `rules`, one that may not
  /// be named.
  [[nodiscard]] bool collect(const Head& head, const char* buffer, const HeaderRules* rules) noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

 private:
  static constexpr std::size_t max = 16;
  std::array<std::string_view, max> names_;
  std::size_t count_ = 0;
};

}  // namespace postern
