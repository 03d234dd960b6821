// What the load generator is told on its command line.

#pragma once

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "tests/bench/loopback.hpp"

namespace postern::bench {

using Clock = std::chrono::steady_clock;

struct Plan {
  std::uint16_t port = 0;
  std::vector<std::string> tokens;
  std::size_t connections = 0;
  std::uint64_t requests_max = UINT64_MAX;
  Clock::duration duration = std::chrono::hours(1);
  bool hold = false;  // keep the connections open until standard input ends
  std::string path = "/api/v1/orders/4711/items?fields=id,name,price&limit=50";
  std::size_t upload_bytes = 0;         // 0: GET; otherwise POST with a body of this size
  std::size_t answer_bytes = SIZE_MAX;  // the body every answer must have; SIZE_MAX: any
  double rate = 0;  // requests a second, however long answers take; 0: each after the last answer
  bool tls = false;
  std::chrono::milliseconds stall{10'000};
};

inline std::vector<std::string> read_tokens(const char* file) {
  std::ifstream lines(file);
  std::vector<std::string> tokens;
  for (std::string line; std::getline(lines, line);) tokens.push_back(line.substr(0, line.find(' ')));
  return tokens;
}

/// One option, which may take the next word. False when there is none of this name.
[[nodiscard]] inline bool parse_option(std::string_view name, const char* value, Plan& plan, int& words) {
  words = 1;
  if (name == "--tls") return plan.tls = true;
  if (!value) return false;
  words = 2;
  if (name == "--path")
    plan.path = value;
  else if (name == "--upload")
    plan.upload_bytes = std::strtoul(value, nullptr, 10);
  else if (name == "--answer")
    plan.answer_bytes = std::strtoul(value, nullptr, 10);
  else if (name == "--rate")
    plan.rate = std::strtod(value, nullptr);
  else if (name == "--stall")
    plan.stall = std::chrono::seconds(std::strtol(value, nullptr, 10));
  else
    return false;
  return true;
}

/// False when the words are not those that load.cpp describes.
[[nodiscard]] inline bool parse(int argc, char** argv, Plan& plan) {
  if (argc < 6) return false;
  const std::string_view unit = argv[4];
  plan.port = static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10));
  plan.tokens = read_tokens(argv[2]);
  plan.connections = std::strtoul(argv[3], nullptr, 10);
  if (unit == "seconds")
    plan.duration = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(std::strtod(argv[5], nullptr)));
  else
    plan.requests_max = std::strtoull(argv[5], nullptr, 10);
  plan.hold = unit == "hold";
  if (unit != "seconds" && unit != "requests" && unit != "hold") return false;
  for (int at = 6, words = 0; at < argc; at += words)
    if (!parse_option(argv[at], at + 1 < argc ? argv[at + 1] : nullptr, plan, words)) return false;
  return plan.port != 0 && !plan.tokens.empty() && plan.connections > 0;
}

}  // namespace postern::bench
