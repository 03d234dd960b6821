#include "proxy/header_rules.hpp"

#include <algorithm>
#include <span>

namespace postern {
namespace {

bool folded_starts_with(std::string_view name, std::string_view folded_prefix) noexcept {
  if (name.size() < folded_prefix.size()) return false;
  for (std::size_t i = 0; i < folded_prefix.size(); ++i)
    if (fold_name_byte(name[i]) != folded_prefix[i]) return false;
  return true;
}

bool folded_equals(std::string_view name, std::string_view folded) noexcept {
  return name.size() == folded.size() && folded_starts_with(name, folded);
}

constexpr std::string_view framing_and_routing[] = {
    "host",       "content-length",   "transfer-encoding", "connection",
    "keep-alive", "proxy-connection", "upgrade",           "te",
    "trailer",    "expect",           "http2-settings"};

/// Set by us on every request, or meant for us alone.
constexpr std::string_view ours[] = {"authorization", "proxy-authorization", "proxy-authenticate",
                                     "x-request-id", "traceparent"};

constexpr std::string_view forwarding_facts[] = {
    "x-forwarded", "forwarded", "x-real-ip", "x-original", "x-rewrite", "x-http-method", "x-method-override"};

bool is_alias_among(std::span<const std::string_view> known_names, std::string_view name) noexcept {
  const std::string_view core = without_edges(name);
  return std::any_of(known_names.begin(), known_names.end(),
                     [core](std::string_view known) { return folded_equals(core, known); });
}

/// Letters, digits and inner dashes: what nobody folds into another name.
bool is_unbendable(std::string_view name, const Field& field) noexcept {
  return field.plain && name.front() != '-' && name.back() != '-';
}

bool is_forwarding_fact(std::string_view name) noexcept {
  const std::string_view core = without_edges(name);
  return std::any_of(std::begin(forwarding_facts), std::end(forwarding_facts),
                     [core](std::string_view prefix) { return folded_starts_with(core, prefix); });
}

}  // namespace

HeaderRules::HeaderRules(std::string_view prefix) : prefix_(prefix) {
  for (const char byte : prefix) folded_prefix_.push_back(fold_name_byte(byte));
}

bool HeaderRules::reserved(std::string_view name) const noexcept {
  // "X-Subject" without a suffix, and "__X-Subject-Id", are as suspicious as the real thing.
  if (folded_starts_with(name, folded_prefix_)) return true;
  const std::string_view core = without_edges(name);
  const std::string_view stem = std::string_view(folded_prefix_).substr(0, folded_prefix_.size() - 1);
  return folded_starts_with(core, folded_prefix_) || folded_equals(core, stem);
}

FieldFate HeaderRules::request_field(std::string_view name, const Field& field, bool trusted) const noexcept {
  switch (field.known) {
    case FieldName::authorization:
      return FieldFate::credential;
    case FieldName::host:
    case FieldName::connection:
    case FieldName::content_length:
    case FieldName::transfer_encoding:
    case FieldName::expect:
    case FieldName::upgrade:
    case FieldName::te:
    case FieldName::trailer:
    case FieldName::keep_alive:
    case FieldName::proxy_connection:
    case FieldName::proxy_authorization:
    case FieldName::proxy_authenticate:
    case FieldName::http2_settings:
    case FieldName::x_request_id:  // set anew, from a checked copy
    case FieldName::traceparent:
      return FieldFate::drop;
    case FieldName::forwarded:
    case FieldName::x_real_ip:
    case FieldName::x_rewrite_url:
    case FieldName::x_http_method_override:
      return trusted ? FieldFate::pass : FieldFate::drop;
    case FieldName::x_original:
    case FieldName::x_forwarded:
      // Known by their beginning only, so the rest may still be an alias: `X-Forwarded-Proto_`. For is
      // written by us in any case, with what a trusted peer said in front.
      return trusted && is_unbendable(name, field) && !iequals(name, "X-Forwarded-For") ? FieldFate::pass
                                                                                        : FieldFate::drop;
    case FieldName::other:
      break;
    default:
      return FieldFate::pass;
  }
  if (reserved(name)) return FieldFate::drop;
  if (!is_unbendable(name, field)) {
    if (is_alias_among(framing_and_routing, name)) return FieldFate::refuse;
    if (name.find('_') != std::string_view::npos) return FieldFate::drop;
    return is_alias_among(ours, name) || is_forwarding_fact(name) ? FieldFate::drop : FieldFate::pass;
  }
  // Method overrides have many spellings; only 'X…' and 'F…' names can be a forwarding fact.
  const char first = fold_name_byte(name.front());
  if ((first == 'x' || first == 'f') && is_forwarding_fact(name))
    return trusted ? FieldFate::pass : FieldFate::drop;
  return FieldFate::pass;
}

bool HeaderRules::is_credential_field(std::string_view name) const noexcept {
  return std::any_of(credential_fields_.begin(), credential_fields_.end(),
                     [name](std::string_view known) { return is_alias(name, known); });
}

bool HeaderRules::may_be_nominated(std::string_view name) const noexcept {
  constexpr std::string_view never[] = {"host", "authorization", "content-length", "transfer-encoding",
                                        "cookie"};
  return !reserved(name) && !is_alias_among(never, name);
}

bool is_alias_of(std::string_view name, std::string_view folded) noexcept {
  return folded_equals(without_edges(name), folded);
}

bool response_field_passes(const Field& field) noexcept {
  switch (field.known) {
    case FieldName::connection:
    case FieldName::keep_alive:
    case FieldName::proxy_connection:
    case FieldName::proxy_authenticate:
    case FieldName::te:
    case FieldName::trailer:
    case FieldName::transfer_encoding:
    case FieldName::content_length:
    case FieldName::upgrade:
    case FieldName::x_request_id:  // the answer carries ours
    case FieldName::http2_settings:
      return false;
    default:
      return true;
  }
}

bool Nominated::collect(const Head& head, const char* buffer, const HeaderRules* rules) noexcept {
  count_ = 0;
  if (!head.connection_nominates) return true;
  bool good = true;
  for (const Field& field : head.all()) {
    if (field.known != FieldName::connection) continue;
    for_each_token(field.value.of(buffer), [&](std::string_view name) {
      if (iequals(name, "close") || iequals(name, "keep-alive") || iequals(name, "upgrade")) return;
      if (rules && !rules->may_be_nominated(name)) good = false;
      if (count_ == max)
        good = false;
      else
        names_[count_++] = name;
    });
  }
  return good;
}

bool Nominated::contains(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < count_; ++i)
    if (iequals(names_[i], name)) return true;
  return false;
}

}  // namespace postern
