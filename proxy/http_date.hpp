// The Date of an answer (RFC 9110 §6.6.1), made once a second.

#pragma once

#include <array>
#include <string_view>

#include "conf/strong.hpp"

namespace postern {

class HttpDate {
 public:
  /// "Sun, 06 Nov 1994 08:49:37 GMT" of a time in Unix seconds, from 1970 to 9999; beyond that the nearest of
  /// both. The view is good until the next call.
  [[nodiscard]] std::string_view at(UnixSeconds now) noexcept;

 private:
  static constexpr std::size_t size = 29;
  UnixSeconds second_ = -1;
  std::array<char, size> text_{};
};

}  // namespace postern
