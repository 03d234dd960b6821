#include "proxy/trailers.hpp"

#include <algorithm>
#include <cstring>

#include "proxy/byte_class.hpp"

namespace postern {
namespace {

constexpr std::string_view head_only[] = {
    // about the message and its body
    "age", "cache-control", "expires", "pragma", "vary", "warning", "location", "retry-after", "allow",
    "max-forwards", "range",
    // about who asks and who answers
    "set-cookie", "www-authenticate", "authentication-info", "proxy-authentication-info", "origin",
    "referer"};

constexpr std::string_view head_only_families[] = {"content-", "if-", "accept", "sec-", "access-control-"};

}  // namespace

bool trailer_passes(std::string_view name, const Field& field, const HeaderRules& rules) noexcept {
  // What has a meaning to us has it in a head; and only names that nobody bends into another one pass.
  if (field.known != FieldName::other || !field.plain) return false;
  if (rules.request_field(name, field, false) != FieldFate::pass || rules.is_credential_field(name))
    return false;
  const auto begins = [name](std::string_view family) {
    return name.size() >= family.size() && iequals(name.substr(0, family.size()), family);
  };
  return std::none_of(std::begin(head_only), std::end(head_only),
                      [name](std::string_view known) { return iequals(name, known); }) &&
         std::none_of(std::begin(head_only_families), std::end(head_only_families), begins);
}

std::string_view TrailerSection::last_chunk(std::size_t size, const HeaderRules& rules,
                                            const InjectedHeaders* own_headers) noexcept {
  std::memcpy(bytes_.data(), "0\r\n", zero_size);
  const char* const buffer = section();
  std::uint32_t kept = 0;
  for (std::uint32_t begin = 0; begin < size;) {
    const std::string_view rest(buffer + begin, size - begin);
    const auto end =
        begin + static_cast<std::uint32_t>(rest.find('\r'));  // the machine let complete lines through only
    Field field;
    if (read_field_line(buffer, {begin, end}, field) == HeadError::none &&
        trailer_passes(field.name.of(buffer), field, rules) &&
        !(own_headers && own_headers->covers(field.name.of(buffer)))) {
      std::memmove(section() + kept, buffer + begin, end + 2 - begin);
      kept += end + 2 - begin;
    }
    begin = end + 2;
  }
  std::memcpy(section() + kept, "\r\n", 2);
  return {bytes_.data(), zero_size + kept + 2};
}

}  // namespace postern
