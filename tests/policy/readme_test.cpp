// policy/README.md: every ```yaml example compiles, and the ```text block after it tells the truth.

#include <fstream>
#include <iterator>
#include <sstream>

#include "policy_text.hpp"

namespace postern::policy {
namespace {

struct Block {
  std::string language;
  std::string text;
  std::size_t line = 0;  ///< of its first line in the document
};

std::vector<Block> blocks_of(const std::string& file) {
  std::ifstream in(file);
  REQUIRE_MESSAGE(in.good(), file);
  std::vector<Block> blocks;
  std::string line;
  bool inside = false;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) blocks.push_back({line.substr(3), {}, number + 1});
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

/// `METHOD TARGET RULE` a line; the target is a path or http://host/path.
std::size_t check_requests(const Policy& policy, const Block& block) {
  std::istringstream lines(block.text);
  std::string method, target, rule;
  std::size_t count = 0;
  while (lines >> method >> target >> rule) {
    ++count;
    CAPTURE(method);
    CAPTURE(target);
    std::string host;
    constexpr std::string_view scheme = "http://";
    if (target.starts_with(scheme)) {
      const std::size_t slash = target.find('/', scheme.size());
      host = target.substr(scheme.size(), slash - scheme.size());
      target.erase(0, slash);
    }
    CHECK(test::governing(policy, method, target, host) == rule);
  }
  return count;
}

TEST_CASE("the examples of policy/README.md compile and govern what they say") {
  std::unique_ptr<const Policy> policy;
  std::size_t policies = 0;
  std::size_t requests = 0;
  for (const Block& block : blocks_of(POSTERN_SOURCE_DIR "/policy/README.md")) {
    CAPTURE(block.line);
    if (block.language == "yaml") {
      test::Loaded loaded = test::load(block.text);
      REQUIRE_MESSAGE(loaded.policy != nullptr, loaded.mistakes());
      policy = std::move(loaded.policy);
      ++policies;
    } else if (block.language == "text") {
      REQUIRE(policy != nullptr);
      requests += check_requests(*policy, block);
    }
  }
  CHECK(policies == 5);
  CHECK(requests == 30);
}

}  // namespace
}  // namespace postern::policy
