#include <cstdio>
#include <cstdlib>

#include "conf/result.hpp"

namespace postern {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "postern: broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace postern
