// What a requirement comes to over all ways its terms could hold, 64 of them at a time. Exact up to
// requirement_terms_exact different terms.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/policy.hpp"

namespace postern::policy {

inline constexpr std::size_t requirement_terms_exact = 24;

/// Something that a subject holds or does not. Nothing is said of what one has to do with another in some
/// catalog: a role and a permission that it gives are two terms.
struct Term {
  RequirementKind kind = RequirementKind::permission;
  std::string id;  ///< as Requirement::id; of an owner "=alice", or "{2}" for whatever the third segment is
  std::string resource;  ///< of a grant on one resource: "project/42", "project/{2}"
  friend auto operator<=>(const Term&, const Term&) = default;
};

/// Which segments of a path decide what the rule demands: those of its owners and its resource.
[[nodiscard]] std::vector<std::size_t> deciding_segments(const Rule& rule);

/// A requirement over the terms of a table.
struct Formula {
  enum class Kind : std::uint8_t { never = 0, always, term, any_of, all_of, negation } kind = Kind::never;
  std::size_t term = 0;  ///< number of the term
  std::vector<Formula> parts;
  friend bool operator==(const Formula&, const Formula&) = default;
};

class TruthTable {
 public:
  /// Which terms hold: bit `i` for the term of number `i`.
  using Row = std::uint64_t;

  /// What a rule demands of requests with these segments, decoded; an empty one, or one that is not given,
  /// may be anything. Terms that are new are added to the table.
  [[nodiscard]] Formula formula(const Rule& rule, const std::vector<std::string>& segments = {}) {
    return formula(rule.requirement, rule, segments);
  }

  [[nodiscard]] const std::vector<Term>& terms() const noexcept { return terms_; }
  /// False beyond requirement_terms_exact terms: then nothing may be asked.
  [[nodiscard]] bool is_exact() const noexcept { return terms_.size() <= requirement_terms_exact; }

  /// The first row that can be, in which `holds` is met and `fails` is not.
  [[nodiscard]] std::optional<Row> find(const Formula& holds, const Formula& fails) const;

 private:
  using Rows = std::uint64_t;
  [[nodiscard]] Formula formula(const Requirement& requirement, const Rule& rule,
                                const std::vector<std::string>& segments);
  [[nodiscard]] std::size_t number(Term term);
  [[nodiscard]] Rows column(std::size_t term, std::size_t block) const noexcept;
  [[nodiscard]] Rows value(const Formula& formula, std::size_t block) const;
  [[nodiscard]] Rows possible(std::size_t block) const;

  std::vector<Term> terms_;
};

}  // namespace postern::policy
