// policy/README.md: every ```yaml example compiles, and the ```text block after it tells the truth.

#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "policy/explain.hpp"
#include "policy/held_subject.hpp"
#include "policy/policy_files.hpp"
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

/// The files of an example: a block that begins with "# teams/orders.yaml" is that file of it.
using Folder = std::map<std::string, std::string>;

std::string file_of(const Block& block) {
  if (!block.text.starts_with("# ")) return "policy.yaml";
  const std::string name = block.text.substr(2, block.text.find('\n') - 2);
  return name.ends_with(".yaml") ? name : "policy.yaml";
}

std::unique_ptr<const Policy> compile(const Folder& folder) {
  Diagnostics diagnostics;
  const PolicyFiles files = gather_files(
      "policy.yaml",
      {[&](const std::string& path) { return folder.contains(path) ? std::string() : "cannot be opened"; },
       [&](const std::string& path, Diagnostics& found) {
         return yaml::parse(path, folder.at(path), found);
       }},
      diagnostics);
  auto policy = Policy::compile(files, nullptr, diagnostics);
  REQUIRE_MESSAGE(policy != nullptr, yaml::render(diagnostics, documents_of(files)));
  return policy;
}

/// "role:shop.reader,grant:project.read@project/42": what a subject holds; "nothing" is a token without
/// rights.
Holdings holdings_of(const std::string& words) {
  Holdings holdings;
  std::istringstream in(words);
  for (std::string word; words != "nothing" && std::getline(in, word, ',');) {
    const std::size_t colon = word.find(':');
    REQUIRE_MESSAGE(colon != std::string::npos, word);
    const std::string kind = word.substr(0, colon), id = word.substr(colon + 1);
    if (kind == "user") {
      holdings.type = SubjectType::user;
      holdings.id = id;
    } else if (kind == "grant") {
      holdings.grants.push_back({id.substr(0, id.find('@')), id.substr(id.find('@') + 1)});
    } else {
      std::vector<std::string>* list = kind == "role"         ? &holdings.roles
                                       : kind == "group"      ? &holdings.groups
                                       : kind == "permission" ? &holdings.permissions
                                       : kind == "license"    ? &holdings.licenses
                                                              : nullptr;
      REQUIRE_MESSAGE(list != nullptr, kind);
      list->push_back(id);
    }
  }
  return holdings;
}

/// What becomes of one line: the rule, "none" or "refused", and the reason of the decision.
struct Told {
  std::string rule, reason;
};

/// `target` is a path with or without a query, or http://host/path. Every client comes from 10.1.2.3.
Told ask(const Policy& policy, const std::string& method, std::string target, const std::string& who) {
  std::string host;
  constexpr std::string_view scheme = "http://";
  if (target.starts_with(scheme)) {
    const std::size_t slash = target.find('/', scheme.size());
    host = target.substr(scheme.size(), slash - scheme.size());
    target.erase(0, slash);
  }
  const std::size_t question = target.find('?');
  const std::string query = question == std::string::npos ? "" : target.substr(question + 1);
  const std::string raw = target.substr(0, question);
  std::array<char, limits::target_bytes_max> buffer;
  CanonicalPath path;
  if (policy.canonical_path(host, method, raw, buffer, path) != TargetError::none) return {"refused", {}};

  const std::vector<HeaderField> fields =
      method == "OPTIONS" ? std::vector<HeaderField>{{"Origin", "https://shop.example"},
                                                     {"Access-Control-Request-Method", "PUT"}}
                          : std::vector<HeaderField>{};
  const std::array<std::uint8_t, 16> client{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 1, 2, 3};
  const ConditionInput input{query, fields, client, false};
  const Catalog names = catalog_of(policy.symbols());
  const HeldSubject held(holdings_of(who == "nobody" ? "nothing" : who), names);
  CHECK_MESSAGE(held.unknown().empty(), who);
  const Explanation told = explain(policy, {host, path, method, &input}, false, policy.bind(names),
                                   who == "nobody" ? Credential::absent : Credential::valid,
                                   who == "nobody" ? Subject{} : held.subject());
  const std::string reason(to_string(told.decision.reason));
  return {told.match.rule == nullptr ? "none" : told.match.rule->id,
          told.decision.shadowed ? "shadowed:" + reason : reason};
}

/// `METHOD TARGET RULE` or `METHOD TARGET RULE WHO REASON` a line.
std::size_t check_requests(const Policy& policy, const Block& block) {
  std::istringstream lines(block.text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    std::istringstream in(line);
    const std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
    CAPTURE(line);
    REQUIRE((words.size() == 3 || words.size() == 5));
    const Told told = ask(policy, words[0], words[1], words.size() == 5 ? words[3] : "nobody");
    CHECK(told.rule == words[2]);
    if (words.size() == 5) CHECK(told.reason == words[4]);
  }
  return count;
}

TEST_CASE("the examples of policy/README.md compile and govern what they say") {
  std::unique_ptr<const Policy> policy;
  Folder folder;
  std::size_t policies = 0;
  std::size_t requests = 0;
  for (const Block& block : blocks_of(POSTERN_SOURCE_DIR "/policy/README.md")) {
    CAPTURE(block.line);
    if (block.language == "yaml") {
      const std::string file = file_of(block);
      if (file == "policy.yaml") {
        folder.clear();
        ++policies;
      }
      policy = nullptr;
      folder[file] = block.text;
    } else if (block.language == "text") {
      REQUIRE(!folder.empty());
      if (policy == nullptr) policy = compile(folder);
      requests += check_requests(*policy, block);
    }
  }
  CHECK(policies == 10);
  CHECK(requests == 76);
}

}  // namespace
}  // namespace postern::policy
