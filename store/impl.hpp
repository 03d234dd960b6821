// What a Store is inside. Only the sources of this folder see it.

#pragma once

#include <string>

#include "store/environment.hpp"
#include "store/store.hpp"

namespace postern::store {

struct Store::Impl {
  EnvironmentRef environment;
  std::string token_prefix;
};

}  // namespace postern::store
