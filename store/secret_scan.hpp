// Our own secrets in bytes of any kind: found by their prefix and proved by their checksum, so that hardly
// anything else is ever taken for one.

#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace postern::store {

struct FoundSecret {
  std::size_t offset = 0;  ///< of its first byte
  std::string_view secret;
};

/// The first secret with this prefix that begins at `from` or later. Looks at each byte once or twice.
[[nodiscard]] std::optional<FoundSecret> find_secret(std::string_view bytes, std::string_view prefix,
                                                     std::size_t from = 0) noexcept;

/// Bytes of a secret with this prefix: what two pieces of a text must overlap by, less one.
[[nodiscard]] std::size_t secret_bytes(std::string_view prefix) noexcept;

}  // namespace postern::store
