// What a subject holds, as numbers: the part that records of users and of tokens share. Arrays of fixed size,
// so that the request path decodes without allocating.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "conf/limits.hpp"
#include "policy/subject.hpp"
#include "store/bytes.hpp"
#include "store/layout.hpp"

namespace postern::store {

/// A list that never grows beyond its array.
template <class T, std::size_t capacity>
class BoundedList {
 public:
  /// False when it is full.
  [[nodiscard]] bool add(const T& item) noexcept {
    if (size_ == capacity) return false;
    items_[size_++] = item;
    return true;
  }
  template <class Predicate>
  void erase_if(Predicate predicate) {
    size_ = static_cast<std::size_t>(
        std::remove_if(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(size_), predicate) -
        items_.begin());
  }
  void clear() noexcept { size_ = 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::span<const T> items() const noexcept { return {items_.data(), size_}; }

 private:
  std::array<T, capacity> items_;
  std::size_t size_ = 0;
};

using HandleList = BoundedList<Handle, limits::handles_per_subject_max>;

/// Handles ascending, grants by permission, then resource; none twice. Handles may be those of deleted
/// entities. Resources are views into the record or into what the caller gave.
struct Rights {
  HandleList groups, roles, permissions, licenses;
  BoundedList<policy::Grant, limits::grants_per_subject_max> grants;

  void clear() noexcept;
  [[nodiscard]] bool empty() const noexcept;
  /// Takes one entity away, from grants too.
  void erase(const Reference& reference) noexcept;
};

/// Flags of a record of a subject: which optional fields are there. On disk, do not renumber. The first seven
/// are those that most records have, so that the varint mostly takes one byte.
namespace subject_flag {
inline constexpr std::uint64_t enabled = 1 << 0;
inline constexpr std::uint64_t imported = 1 << 1;
inline constexpr std::uint64_t name = 1 << 2;
inline constexpr std::uint64_t expires = 1 << 3;
inline constexpr std::uint64_t owner = 1 << 4;
inline constexpr std::uint64_t roles = 1 << 5;
inline constexpr std::uint64_t groups = 1 << 6;
inline constexpr std::uint64_t permissions = 1 << 7;
inline constexpr std::uint64_t licenses = 1 << 8;
inline constexpr std::uint64_t grants = 1 << 9;
inline constexpr std::uint64_t networks = 1 << 10;
inline constexpr std::uint64_t not_before = 1 << 11;
inline constexpr std::uint64_t extensions = 1 << 12;
inline constexpr std::uint64_t email = 1 << 13;
inline constexpr std::uint64_t grace = 1 << 14;
inline constexpr std::uint64_t canary = 1 << 15;  // this and what follows: versions before refuse the record
inline constexpr std::uint64_t reuse_seen = 1 << 16;
inline constexpr std::uint64_t rights = roles | groups | permissions | licenses | grants;
}  // namespace subject_flag

/// The flags of the lists that are not empty.
[[nodiscard]] std::uint64_t rights_flags(const Rights& rights) noexcept;
/// Writes those lists: groups, roles, permissions, licenses, grants.
void write_rights(ByteWriter& writer, const Rights& rights);
/// Reads the lists that `flags` name and empties the others. A list out of order, empty or beyond its limit
/// fails the reader.
void read_rights(ByteReader& reader, std::uint64_t flags, Rights& rights) noexcept;

/// A list of handles: count, the first, then each difference to the one before.
void write_handles(ByteWriter& writer, std::span<const Handle> handles);

/// Fields that later versions add to a record without a new format: a list of (tag, bytes), tags ascending.
/// An odd tag must be understood by whoever uses the record, an even one may be passed over; both are kept
/// when a record is rewritten. This version knows none, so that an odd one fails the reader.
[[nodiscard]] std::string_view read_extensions(ByteReader& reader, std::uint64_t flags) noexcept;

/// All that `rights` refer to, each once, ascending; the permission of a grant counts as held.
[[nodiscard]] std::vector<Reference> references(const Rights& rights);

}  // namespace postern::store
