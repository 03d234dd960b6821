#include "proxy/usage_ledger.hpp"

#include <algorithm>
#include <cstring>

namespace postern {
namespace {

/// Ids are random, unless somebody declared them: then a chain is longer.
std::size_t hash_of(const store::TokenKey& token) noexcept {
  std::uint64_t head = 0;
  std::uint32_t tail = 0;
  std::memcpy(&head, token.bytes.data(), sizeof head);
  std::memcpy(&tail, token.bytes.data() + sizeof head, sizeof tail);
  return static_cast<std::size_t>((head ^ tail) * 0x9e3779b97f4a7c15u >> 32);
}

}  // namespace

bool UsageTable::add(const store::TokenKey& token, store::TokenUse::Kind kind,
                     std::span<const std::uint8_t, 16> address, UnixSeconds now) noexcept {
  std::size_t slot = hash_of(token) % slots;
  for (; index_[slot] != 0; slot = (slot + 1) % slots) {
    store::TokenUse& entry = entries_[index_[slot] - 1u];
    if (entry.token != token.bytes || entry.kind != kind) continue;
    ++entry.count;
    entry.last = now;
    std::copy(address.begin(), address.end(), entry.address.begin());
    return true;
  }
  if (size_ == entries_.size()) return false;
  store::TokenUse& entry = entries_[size_++];
  index_[slot] = static_cast<std::uint16_t>(size_);
  entry.token = token.bytes;
  entry.count = 1;
  std::copy(address.begin(), address.end(), entry.address.begin());
  entry.first = entry.last = now;
  entry.kind = kind;
  return true;
}

}  // namespace postern
