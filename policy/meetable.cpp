// Whether a requirement can be met at all: a truth table, 64 rows at a time.

#include <algorithm>

#include "policy/prove.hpp"

namespace postern::policy {
namespace {

using Rows = std::uint64_t;

bool is_term(const Requirement& requirement) noexcept {
  switch (requirement.kind) {
    case RequirementKind::never:
    case RequirementKind::anonymous:
    case RequirementKind::authenticated:
    case RequirementKind::any_of:
    case RequirementKind::all_of:
    case RequirementKind::negation:
      return false;
    default:
      return true;
  }
}

using Term = std::pair<RequirementKind, std::string>;

void gather(const Requirement& requirement, std::vector<Term>& terms) {
  if (is_term(requirement)) terms.emplace_back(requirement.kind, requirement.id);
  for (const Requirement& child : requirement.children) gather(child, terms);
}

class Table {
 public:
  explicit Table(std::vector<Term> terms) : terms_(std::move(terms)) {}

  [[nodiscard]] std::size_t blocks() const {
    return terms_.size() <= 6 ? 1 : std::size_t{1} << (terms_.size() - 6);
  }

  /// The rows of a block in which the requirement is met and that can be.
  [[nodiscard]] Rows met(const Requirement& requirement, std::size_t block) const {
    return value(requirement, block) & possible(block);
  }

 private:
  /// Column `i` of the table: the lower six alternate within a block, the others from block to block.
  static Rows column(std::size_t i, std::size_t block) {
    constexpr Rows low[] = {0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
                            0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000};
    if (i < 6) return low[i];
    return (block >> (i - 6) & 1) != 0 ? ~Rows{0} : 0;
  }

  [[nodiscard]] Rows value(const Requirement& requirement, std::size_t block) const {
    Rows rows = 0;
    switch (requirement.kind) {
      case RequirementKind::never:
        return 0;
      case RequirementKind::anonymous:
      case RequirementKind::authenticated:
        return ~Rows{0};
      case RequirementKind::any_of:
        for (const Requirement& child : requirement.children) rows |= value(child, block);
        return rows;
      case RequirementKind::all_of:
        rows = ~Rows{0};
        for (const Requirement& child : requirement.children) rows &= value(child, block);
        return rows;
      case RequirementKind::negation:
        return ~value(requirement.children.front(), block);
      default:
        break;
    }
    const Term term{requirement.kind, requirement.id};
    const auto found = std::find(terms_.begin(), terms_.end(), term);
    return column(static_cast<std::size_t>(found - terms_.begin()), block);
  }

  /// A connection shows one certificate: two subjects at once cannot be, and a subject is a certificate.
  [[nodiscard]] Rows possible(std::size_t block) const {
    Rows rows = ~Rows{0};
    Rows seen = 0;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      if (terms_[i].first != RequirementKind::client_certificate || terms_[i].second.empty()) continue;
      const Rows one = column(i, block);
      rows &= ~(one & seen);
      seen |= one;
    }
    for (std::size_t i = 0; i < terms_.size(); ++i)
      if (terms_[i].first == RequirementKind::client_certificate && terms_[i].second.empty())
        rows &= ~seen | column(i, block);
    return rows;
  }

  std::vector<Term> terms_;
};

}  // namespace

Meetable meetable(const Requirement& requirement) {
  if (requirement.kind == RequirementKind::never) return Meetable::yes;  // closed on purpose
  std::vector<Term> terms;
  gather(requirement, terms);
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  if (terms.size() > requirement_terms_exact) return Meetable::undecided;
  const Table table(std::move(terms));
  for (std::size_t block = 0; block < table.blocks(); ++block)
    if (table.met(requirement, block) != 0) return Meetable::yes;
  return Meetable::no;
}

}  // namespace postern::policy
