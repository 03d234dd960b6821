// Finds the rule of a request, COUNT times, in a policy of RULES rules; tests/bench/micro_match.py counts the
// instructions of find_rules() by callgrind.
//
//     micro_match 100000 1000

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "conf/yaml.hpp"
#include "policy/policy.hpp"

using namespace postern;

namespace {

/// As long for every number, so that hashing costs the same.
std::string padded(long number) {
  std::string digits = std::to_string(number);
  return std::string(7 - digits.size(), '0') + digits;
}

std::string policy_text(long rules) {
  std::string text = "version: 1\nrules:\n";
  for (long i = 0; i < rules; ++i)
    text += "  - {id: r" + padded(i) + ", path: '/api/v1/service" + padded(i) +
            "/orders/{order}/lines', methods: [GET], permission: shop.orders.read}\n";
  return text;
}

}  // namespace

/// Requests for rules all over the policy. Named by the script, so it has to be a function of its own.
extern "C" [[gnu::noinline]] long find_rules(const policy::Policy& policy,
                                             const std::array<policy::CanonicalPath, 16>& paths, long count) {
  long found = 0;
  for (long i = 0; i < count; ++i)
    found +=
        policy.match("shop.example.com", paths[static_cast<std::size_t>(i) % paths.size()], "GET").rule !=
        nullptr;
  return found;
}

int main(int argc, char** argv) {
  const long rules = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 100;
  const long count = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 1000;
  Diagnostics diagnostics;
  const std::clock_t read_at = std::clock();
  const yaml::Document document = yaml::parse("policy.yaml", policy_text(rules), diagnostics);
  const std::clock_t compiled_at = std::clock();
  const auto policy = policy::Policy::compile(document, nullptr, diagnostics);
  const std::clock_t done_at = std::clock();
  if (policy == nullptr) return 1;

  std::array<std::string, 16> texts;
  std::array<policy::CanonicalPath, 16> paths;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const long rule = rules * static_cast<long>(i) / static_cast<long>(paths.size());
    const std::string raw = "/api/v1/service" + padded(rule) + "/orders/17/lines";
    texts[i].resize(raw.size());
    if (policy::canonical_path(raw, texts[i], paths[i]) != policy::TargetError::none) return 1;
  }
  if (find_rules(*policy, paths, count) != count) return 1;
  // Of this process, so that what else runs is not in it.
  const auto ms = [](std::clock_t from, std::clock_t to) {
    return static_cast<long>((to - from) / (CLOCKS_PER_SEC / 1000));
  };
  std::printf("%ld rules: parsed in %ld ms, compiled in %ld ms of CPU; %ld requests matched\n", rules,
              ms(read_at, compiled_at), ms(compiled_at, done_at), count);
  return 0;
}
