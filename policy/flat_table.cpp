#include "policy/flat_table.hpp"

#include <utility>

namespace postern::policy {
namespace {

constexpr std::size_t slots_min = 16;

/// The finaliser of MurmurHash3: every bit of the key reaches every bit of the result.
std::uint64_t mix(std::uint64_t key) noexcept {
  key ^= key >> 33;
  key *= 0xFF51AFD7ED558CCDULL;
  key ^= key >> 33;
  key *= 0xC4CEB9FE1A85EC53ULL;
  return key ^ (key >> 33);
}

/// FNV-1a. The table holds the operator's texts only, so a stranger can choose where he looks, but not how
/// long the run of slots is that he finds there.
std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return mix(hash);
}

std::uint32_t upper_half(std::uint64_t hash) noexcept {
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace

std::uint32_t TextTable::insert(std::string_view text) {
  if (const std::uint32_t number = find(text); number != 0) return number;
  texts_.emplace_back(text);
  if (texts_.size() * 2 > slots_.size()) {
    slots_.assign(slots_.empty() ? slots_min : slots_.size() * 2, Slot{});
    for (std::uint32_t number = 1; number < texts_.size(); ++number) place(number);
  }
  const auto number = static_cast<std::uint32_t>(texts_.size());
  place(number);
  return number;
}

void TextTable::place(std::uint32_t number) {
  const std::uint64_t hash = hash_of(texts_[number - 1]);
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].number != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {upper_half(hash), number};
}

std::uint32_t TextTable::find(std::string_view text) const noexcept {
  if (slots_.empty()) return 0;
  const std::uint64_t hash = hash_of(text);
  for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.number == 0) return 0;
    if (slot.hash == upper_half(hash) && texts_[slot.number - 1] == text) return slot.number;
  }
}

void EdgeTable::insert(std::uint32_t node, std::uint32_t literal, std::uint32_t child) {
  if (++count_ * 2 > slots_.size()) {
    const std::vector<Slot> old =
        std::exchange(slots_, std::vector<Slot>(slots_.empty() ? slots_min : slots_.size() * 2));
    for (const Slot& edge : old) {
      if (edge.child != 0) place(edge);
    }
  }
  place({std::uint64_t{node} << 32 | literal, child});
}

void EdgeTable::place(const Slot& edge) {
  std::size_t at = mix(edge.key) & (slots_.size() - 1);
  while (slots_[at].child != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = edge;
}

std::uint32_t EdgeTable::find(std::uint32_t node, std::uint32_t literal) const noexcept {
  if (slots_.empty()) return 0;
  const std::uint64_t key = std::uint64_t{node} << 32 | literal;
  for (std::size_t at = mix(key) & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].child == 0) return 0;
    if (slots_[at].key == key) return slots_[at].child;
  }
}

}  // namespace postern::policy
