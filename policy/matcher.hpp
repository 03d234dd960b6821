// Finds the one rule that governs a request. Built once from checked rules, then only read.
//
// Each host pattern has a tree of path segments: the literal children of all nodes in one flat table, at most
// one
// `{param}` child a node, and the rules that end there, with `**` or without. A request walks down literal
// before parameter before `**`, which is the order of specificity, and takes the first rule that has its
// method: so the first one found is the most specific one, and no candidates are compared.
//
// The walk goes back where the literal's side had no rule (`/a/b/c` is not below `/a/b`, but `/a/{x}/c` is
// there). How often it may do so is a property of the tree alone; worst_walk() tells it, and a policy beyond
// limits::match_visits_max is refused at load. So the cost of a match is bounded by path length and that
// number, however many rules there are and whoever wrote the path.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "policy/flat_table.hpp"
#include "policy/policy.hpp"

namespace postern::policy {

class Matcher {
 public:
  static constexpr std::uint32_t no_match = UINT32_MAX;

  /// Matches nothing.
  Matcher() = default;
  /// `rules` hold no overlaps and name at most limits::methods_max methods; the answers are indices into
  /// them.
  explicit Matcher(std::span<const Rule> rules);

  /// `params` is written on the way, as many as the found rule has, and needs limits::path_params_max places.
  [[nodiscard]] std::uint32_t find(std::string_view host, const CanonicalPath& path, std::string_view method,
                                   std::span<std::string_view> params) const noexcept;
  [[nodiscard]] std::uint32_t find_asterisk(std::string_view host, std::string_view method) const noexcept;

  /// The most nodes that any request can make a walk visit, over all the host patterns that it may have to
  /// try.
  struct Walk {
    std::size_t visits = 0;
    std::uint32_t rule = no_match;  ///< the first one of the worst host pattern
  };
  [[nodiscard]] Walk worst_walk() const;

 private:
  /// One bit for each named method; the last one for all others.
  using MethodMask = std::uint64_t;
  /// Rules of one host and template, the ones with named methods before the one for any.
  struct Candidate {
    MethodMask methods = 0;
    std::uint32_t rule = no_match;
  };
  struct Range {
    std::uint32_t begin = 0, end = 0;  ///< in candidates_
  };
  struct Node {
    std::uint32_t param = 0;   ///< the child for any non-empty segment; 0 = none
    Range end, rest;           ///< rules whose path ends here; rules with `**` here
    std::uint32_t visits = 1;  ///< most nodes a walk from here visits, this one included; saturates
  };
  /// One host pattern.
  struct Root {
    std::uint32_t node = 0;
    std::uint32_t next =
        0;  ///< the next less specific root for the same hosts; the last one is root 0, for any host
    Range asterisk;
    std::uint32_t first_rule = no_match;
  };
  struct Descent;
  class Builder;

  [[nodiscard]] MethodMask method_mask(std::string_view method) const noexcept;
  [[nodiscard]] std::uint32_t root_of(std::string_view host) const noexcept;
  [[nodiscard]] std::uint32_t suffix_root_of(std::string_view host) const noexcept;
  [[nodiscard]] std::uint32_t pick(Range range, MethodMask method) const noexcept;
  [[nodiscard]] std::uint32_t descend(Descent& descent, std::uint32_t node, std::size_t depth,
                                      std::size_t param_count) const noexcept;
  /// The number of the literal that a canonical segment spells, escaped or not; 0 when no rule names it.
  [[nodiscard]] std::uint32_t literal_of(std::string_view segment) const noexcept;
  [[nodiscard]] std::uint32_t escaped_literal_of(std::string_view segment) const noexcept;

  std::vector<std::string_view> methods_;  ///< point into the rules
  TextTable literals_;                     ///< decoded
  EdgeTable edges_;
  std::vector<Node> nodes_;
  std::vector<Candidate> candidates_;
  TextTable hosts_;                  ///< exact names and ".suffix"; number = index into roots_
  std::size_t suffix_size_max_ = 0;  ///< of the longest ".suffix", 0 = none
  std::vector<Root> roots_;
};

}  // namespace postern::policy
