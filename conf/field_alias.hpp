// Which names of fields one reader takes for another: CGI and its heirs turn every mark into '_', some drop
// what stands at the edges.

#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace postern {

inline constexpr std::array<char, 256> fold_table = [] {
  std::array<char, 256> table{};
  table.fill('-');
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = static_cast<char>(c);
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = static_cast<char>(c);
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = static_cast<char>(c - 'A' + 'a');
  return table;
}();

/// The comparison form of a name: lower case, every byte that is neither letter nor digit as '-'.
[[nodiscard]] constexpr char fold_name_byte(char byte) noexcept {
  return fold_table[static_cast<unsigned char>(byte)];
}

/// `Host_` and `_Host` are read as `Host` by some upstreams, so the edges do not count.
[[nodiscard]] constexpr std::string_view without_edges(std::string_view name) noexcept {
  while (!name.empty() && fold_name_byte(name.front()) == '-') name.remove_prefix(1);
  while (!name.empty() && fold_name_byte(name.back()) == '-') name.remove_suffix(1);
  return name;
}

/// Whether some upstream could take `name` for `known`: the same comparison form, edges not counted.
[[nodiscard]] constexpr bool is_alias(std::string_view name, std::string_view known) noexcept {
  const std::string_view core = without_edges(name);
  return core.size() == known.size() &&
         std::equal(core.begin(), core.end(), known.begin(),
                    [](char a, char b) { return fold_name_byte(a) == fold_name_byte(b); });
}

}  // namespace postern
