// Many plays on one stage. A seed that fails prints itself; `POSTERN_SIMULATION_SEED=…` plays it alone, and
// `POSTERN_SIMULATION_PLAYS=…` says how many are played.

#include <cstdlib>
#include <doctest/doctest.h>

#include "tests/simulation/play.hpp"

namespace postern::test {
namespace {

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace

TEST_CASE(
    "whatever happens in whatever order, everybody sees a whole answer of their own or a break, and nothing "
    "is left") {
  Stage stage;
  const std::uint64_t chosen = number_from("POSTERN_SIMULATION_SEED", 0);
  const std::uint64_t first = chosen != 0 ? chosen : number_from("POSTERN_SIMULATION_FIRST", 1);
  const std::uint64_t plays = chosen != 0 ? 1 : number_from("POSTERN_SIMULATION_PLAYS", 400);
  for (std::uint64_t seed = first; seed < first + plays; ++seed) {
    const std::string wrong = play(stage, seed);
    CHECK_MESSAGE(wrong.empty(), "POSTERN_SIMULATION_SEED=" << seed << ": " << wrong);
  }
}

}  // namespace postern::test
