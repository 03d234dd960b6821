// Cuts for the fuzz targets: the input decides where its bytes are cut.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace postern::fuzz {

/// Stops at what must never happen; the fuzzer keeps the input.
inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

/// An endless row of segment sizes, mostly small, made from a hash of the bytes themselves: the input stays
/// what it is, a message, and a corpus file can be written by hand.
class Segments {
 public:
  explicit Segments(std::string_view bytes, std::uint64_t salt) : state_(0xcbf29ce484222325u ^ salt) {
    for (const char byte : bytes) state_ = (state_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
  }
  std::size_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const auto draw = static_cast<std::size_t>(state_ >> 33);
    return draw % 4 == 0 ? draw / 4 % 300 : draw / 4 % 5;
  }

 private:
  std::uint64_t state_;
};

}  // namespace postern::fuzz
