#include "proxy/byte_class.hpp"

namespace postern {
namespace {

constexpr char lower(char byte) noexcept {
  return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  for (const char byte : text)
    if (!is(byte, tchar_byte)) return false;
  return !text.empty();
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  return true;
}

}  // namespace postern
