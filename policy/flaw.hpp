// A mistake inside one scalar of the policy file.

#pragma once

#include <cstddef>
#include <string>

namespace postern::policy {

/// What is wrong with a text and where in it. The caller knows the file and adds the place.
struct Flaw {
  std::size_t offset = 0;  ///< bytes from the front of the text
  std::string message;     ///< as in Diagnostic
  std::string suggestion;  ///< as in Diagnostic
};

}  // namespace postern::policy
