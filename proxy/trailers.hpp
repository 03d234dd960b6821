// What follows the last chunk of a body (RFC 9110 §6.5). Dropped, unless the rule says `trailers: pass`; then
// filtered.

#pragma once

#include <array>
#include <string_view>

#include "conf/limits.hpp"
#include "proxy/header_rules.hpp"
#include "proxy/injected_headers.hpp"

namespace postern {

/// The trailer section of one body, with room for the frame of a last chunk around it.
class TrailerSection {
 public:
  /// Where ChunkMachine::keep_trailers() puts the section.
  [[nodiscard]] char* section() noexcept { return bytes_.data() + zero_size; }

  /// The last chunk with those of the `size` bytes of the section that may stand in a trailer:
  /// "0\r\n" *( field ) "\r\n". Works in place, once. What may not is what frames, routes, authenticates,
  /// controls or describes the message (RFC 9110 §6.5.1): it would have been acted upon already, or it would
  /// be merged into the head and believed.
  /// `own_headers` of the upstream the body goes to, or null: what a client says under their names stays
  /// here.
  [[nodiscard]] std::string_view last_chunk(std::size_t size, const HeaderRules& rules,
                                            const InjectedHeaders* own_headers = nullptr) noexcept;

 private:
  static constexpr std::size_t zero_size = 3;
  std::array<char, zero_size + limits::trailer_bytes_max + 2> bytes_;
};

/// Whether a field may stand in a trailer.
[[nodiscard]] bool trailer_passes(std::string_view name, const Field& field,
                                  const HeaderRules& rules) noexcept;

}  // namespace postern
