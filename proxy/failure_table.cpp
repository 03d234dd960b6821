#include "proxy/failure_table.hpp"

namespace postern {

int FailureTable::add(std::span<const std::uint8_t, 16> address, UnixSeconds now,
                      std::uint32_t max) noexcept {
  const std::uint64_t hash = hash_(address);
  const auto minute = static_cast<std::uint32_t>(now / 60);
  // Two places for each address: the fuller a table is, the more that helps to keep the right ones.
  Bucket* const places[] = {&(*buckets_)[hash % limits::failure_buckets],
                            &(*buckets_)[(hash >> 32) % limits::failure_buckets]};
  Entry* least = nullptr;
  Entry* own = nullptr;
  for (Bucket* bucket : places) {
    for (Entry& entry : *bucket) {
      if (entry.minute != minute)
        entry = {0, minute, 0};  // of another minute: nothing is known of it any more
      if (entry.count > 0 && entry.hash == hash) own = &entry;
      if (!least || entry.count < least->count) least = &entry;
    }
  }
  if (!own) {
    own = least;
    *own = {hash, minute, 0};
  }
  if (own->count <= max) ++own->count;
  return own->count > max ? static_cast<int>(60 - now % 60) : 0;
}

}  // namespace postern
