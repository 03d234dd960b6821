// The requests that rules can tell apart: every path, host or method falls into exactly one class, and all of
// one class are matched alike. One member of each is enough to say something about all of them, exactly.

#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "policy/policy.hpp"

namespace postern::policy {

/// Of one template: beyond it nothing is claimed.
inline constexpr std::size_t path_classes_max = 200'000;

class PathClasses {
 public:
  /// `rules` are those whose templates may tell paths apart.
  explicit PathClasses(std::initializer_list<std::span<const Rule>> rules);

  /// Takes a canonical path of a class. `below`: with it all paths that go on from there behave alike.
  using Take = std::function<void(const std::string& path, bool below)>;
  /// Calls `take` with each class that the template's paths fall into. False when there are more than `most`,
  /// the rest of which are then not looked at.
  bool each(std::span<const TemplateSegment> pattern, const Take& take,
            std::size_t most = path_classes_max) const;
  /// The segment that stands for all that no rule names.
  [[nodiscard]] const std::string& other() const noexcept { return other_; }

 private:
  struct Node {
    std::map<std::string, std::uint32_t> literals;  ///< by decoded text; values are indices of nodes
    std::uint32_t param = 0;                        ///< 0: none
  };
  void add(const Rule& rule);
  using Alive = std::vector<std::uint32_t>;  ///< nodes that some template is at, ascending
  struct Walk;

  [[nodiscard]] Alive after(const Alive& alive, const std::string& decoded) const;
  /// Texts by which the nodes tell a next segment apart, and one that none of them names.
  [[nodiscard]] std::vector<std::string> choices(const Alive& alive) const;
  void walk(Walk& walk, std::size_t at, const Alive& alive, const std::string& path) const;
  void walk_rest(Walk& walk, const Alive& alive, const std::string& path) const;

  std::vector<Node> nodes_;
  std::map<std::string, std::string> canonical_;  ///< spelling of each decoded literal
  std::string other_;                             ///< a segment that no rule names
};

/// A host of each class: every exact name, one below each suffix, one that no rule names.
[[nodiscard]] std::vector<std::string> host_classes(std::initializer_list<std::span<const Rule>> rules);

}  // namespace postern::policy
