// Types that carry meaning: a token id is not a user id, though both are text.

#pragma once

#include <compare>
#include <cstdint>
#include <utility>

namespace postern {

/// A value of type T that is only what its Tag says. Conversion is explicit, comparison only with its own
/// kind.
template <class T, class Tag>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(T value) : value_(std::move(value)) {}
  [[nodiscard]] constexpr const T& get() const noexcept { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

 private:
  T value_{};
};

/// Seconds since 1970-01-01T00:00:00Z. Validity is stored and compared in these. 0 as a bound means "none".
using UnixSeconds = std::int64_t;

/// The dense number of a permission, role, group or license within its kind. Never reused, so that an old
/// reference cannot gain rights; 0 is no handle.
using Handle = std::uint32_t;
inline constexpr Handle no_handle = 0;

}  // namespace postern
