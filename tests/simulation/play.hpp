// A play: clients and upstream connections that act by draws from one seed, and a reckoning of what each saw.

#pragma once

#include <cstdint>
#include <string>

#include "tests/simulation/stage.hpp"

namespace postern::test {

/// Draws that depend on nothing but the seed (splitmix64).
class Draws {
 public:
  explicit Draws(std::uint64_t seed) noexcept : state_(seed) {}
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept;
  [[nodiscard]] bool one_in(std::uint64_t bound) noexcept { return below(bound) == 0; }

 private:
  std::uint64_t state_;
};

/// Plays the seed's play; even seeds are without faults. Empty when everybody saw what they should, else what
/// was wrong.
[[nodiscard]] std::string play(Stage& stage, std::uint64_t seed);

}  // namespace postern::test
