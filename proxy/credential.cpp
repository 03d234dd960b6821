#include "proxy/credential.hpp"

#include <array>

namespace postern {
namespace {

constexpr std::array<bool, 256> token68_table = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : {'-', '.', '_', '~', '+', '/'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

/// token68 = 1*( ALPHA / DIGIT / "-._~+/" ) *"=" (RFC 9110 §11.2)
bool is_token68(std::string_view text) noexcept {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.empty()) return false;
  for (const char byte : text)
    if (!token68_table[static_cast<unsigned char>(byte)]) return false;
  return true;
}

/// `Basic abc, Bearer xyz` is a list: two readers could choose differently.
bool lists_a_bearer(std::string_view value) noexcept {
  bool found = false;
  for_each_token(value, [&](std::string_view element) {
    if (element.size() > 6 && iequals(element.substr(0, 6), "bearer") &&
        (element[6] == ' ' || element[6] == '\t'))
      found = true;
  });
  return found;
}

}  // namespace

PresentedCredential presented_credential(const RequestHead& head, const char* buffer) noexcept {
  using Form = PresentedCredential::Form;
  std::string_view value;
  bool seen = false;
  for (const Field& field : head.all()) {
    if (field.known != FieldName::authorization) continue;
    if (seen) return {Form::malformed, {}};
    seen = true;
    value = field.value.of(buffer);
  }
  if (!seen) return {Form::absent, {}};

  const std::string_view scheme = value.substr(0, value.find_first_of(" \t,"));
  if (!is_token(scheme)) return {Form::malformed, {}};
  if (!iequals(scheme, "bearer")) return {lists_a_bearer(value) ? Form::malformed : Form::other_scheme, {}};
  if (value.size() == scheme.size() || value[scheme.size()] != ' ') return {Form::malformed, {}};
  const std::string_view secret = value.substr(scheme.size() + 1);
  if (!is_token68(secret)) return {Form::malformed, {}};
  return {Form::bearer, secret};
}

}  // namespace postern
