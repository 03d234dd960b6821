// Times as they are stored.

#pragma once

#include <string>

#include "conf/result.hpp"
#include "conf/strong.hpp"

namespace postern::store {

/// 9999-12-31T23:59:59Z: what has a four-digit year can be printed and read back.
inline constexpr UnixSeconds time_max = 253'402'300'799;

/// 0 means none.
[[nodiscard]] inline Status check_time(const char* what, UnixSeconds time) {
  if (time >= 0 && time <= time_max) return {};
  return Error{ErrorKind::invalid, std::string(what) + ": not a time between 1970 and 9999"};
}

}  // namespace postern::store
