#include "store/secret_scan.hpp"

#include "store/secret.hpp"

namespace postern::store {

std::size_t secret_bytes(std::string_view prefix) noexcept {
  constexpr std::size_t random_and_checksum = 32 + 6;
  return prefix.size() + random_and_checksum;
}

std::optional<FoundSecret> find_secret(std::string_view bytes, std::string_view prefix,
                                       std::size_t from) noexcept {
  const std::size_t size = secret_bytes(prefix);
  for (std::size_t at = bytes.find(prefix, from); at != std::string_view::npos && bytes.size() - at >= size;
       at = bytes.find(prefix, at + 1)) {
    const std::string_view candidate = bytes.substr(at, size);
    if (secret_form(candidate, prefix) == SecretForm::ours) return FoundSecret{at, candidate};
  }
  return std::nullopt;
}

}  // namespace postern::store
