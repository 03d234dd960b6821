// The steps of a request, one by one.
//
//     micro_steps [OPTION OF GOOGLE BENCHMARK]...     time of each step
//     micro_steps --count STEP TIMES                  the step so many times, for callgrind (micro_steps.py)
//     micro_steps --list                              the names of the steps

#include <benchmark/benchmark.h>

#include "tests/bench/micro_world.hpp"

namespace postern::bench {
namespace {

struct Step {
  const char* name;
  bool (*take)(World&);  // what all of them must return is written beside them
  bool expected = true;
};

constexpr Step steps[] = {
    {"head_parse", [](World& world) { return world.read_head(); }},
    {"canonical_path", [](World& world) { return world.canonicalise(); }},
    {"match", [](World& world) { return world.match().rule != nullptr; }},
    {"credential", [](World& world) { return world.presented().form == PresentedCredential::Form::bearer; }},
    {"hash", [](World& world) { return world.hash(); }},
    {"look_up_unknown", [](World& world) { return world.look_up(); }, false},
    {"look_up_and_resolve", [](World& world) { return world.resolve(); }},
    {"decide", [](World& world) { return world.decide(); }},
    {"subject_block", [](World& world) { return world.write_subject(); }},
    {"head_rewrite", [](World& world) { return world.write_head(); }},
    {"log_line", [](World& world) { return world.write_log(); }},
};

int list() {
  for (const Step& step : steps) std::puts(step.name);
  return 0;
}

int count(World& world, std::string_view name, long times) {
  for (const Step& step : steps) {
    if (name != step.name) continue;
    for (long i = 0; i < times; ++i)
      if (step.take(world) != step.expected) return 1;
    return 0;
  }
  return 2;
}

void time(World& world) {
  for (const Step& step : steps)
    benchmark::RegisterBenchmark(step.name, [&world, step](benchmark::State& state) {
      for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(step.take(world));
    });
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace
}  // namespace postern::bench

int main(int argc, char** argv) {
  using namespace postern::bench;
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--list") return list();
  const auto world = std::make_unique<World>();
  if (first == "--count" && argc == 4) return count(*world, argv[2], std::strtol(argv[3], nullptr, 10));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  time(*world);
}
