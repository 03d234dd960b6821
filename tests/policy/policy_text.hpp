// Policies from text, as the tests of this folder want them.

#pragma once

#include <array>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/yaml.hpp"
#include "policy/policy.hpp"

namespace postern::policy::test {

/// A policy file as loaded: null policy and some mistakes, or the other way round.
struct Loaded {
  yaml::Document document;
  Diagnostics diagnostics;
  std::unique_ptr<const Policy> policy;

  /// "line:column: message; suggestion", one mistake a line, as they were found.
  [[nodiscard]] std::string mistakes() const {
    std::string out;
    for (const Diagnostic& item : diagnostics.items()) {
      out += std::to_string(item.position.line) + ":" + std::to_string(item.position.column) + ": " +
             item.message;
      if (!item.suggestion.empty()) out += "; " + item.suggestion;
      out += '\n';
    }
    return out;
  }
};

inline Loaded load(std::string text, const Catalog* catalog = nullptr) {
  Loaded loaded;
  loaded.document = yaml::parse("policy.yaml", std::move(text), loaded.diagnostics);
  loaded.policy = Policy::compile(loaded.document, catalog, loaded.diagnostics);
  return loaded;
}

/// `rules` are the lines below "rules:", so the first of them is line 3.
inline Loaded load_rules(const std::string& rules, const Catalog* catalog = nullptr) {
  return load("version: 1\nrules:\n" + rules, catalog);
}

inline std::unique_ptr<const Policy> policy_of(const std::string& rules) {
  Loaded loaded = load_rules(rules);
  INFO(rules);
  REQUIRE_MESSAGE(loaded.policy != nullptr, loaded.mistakes());
  return std::move(loaded.policy);
}

/// A path in canonical form, with the buffer it lies in.
struct Path {
  std::array<char, limits::target_bytes_max> buffer;
  CanonicalPath canonical;

  explicit Path(std::string_view raw) {
    const TargetError error = canonical_path(raw, buffer, canonical);
    REQUIRE_MESSAGE(error == TargetError::none, std::string(raw),
                    " is refused: ", std::string(to_string(error)));
  }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
};

/// The id of the rule that governs a request, or "none".
inline std::string governing(const Policy& policy, std::string_view method, std::string_view path,
                             std::string_view host = "") {
  const Match match = policy.match(host, Path(path).canonical, method);
  return match.rule == nullptr ? "none" : match.rule->id;
}

}  // namespace postern::policy::test
