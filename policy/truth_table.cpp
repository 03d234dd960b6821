#include "policy/truth_table.hpp"

#include <algorithm>
#include <bit>

namespace postern::policy {
namespace {

/// The segment in which a parameter stands.
std::size_t segment_of(const Rule& rule, std::size_t param) {
  std::size_t at = 0;
  for (; at < rule.segments.size(); ++at)
    if (rule.segments[at].kind == TemplateSegment::Kind::param && param-- == 0) break;
  return at;
}

/// The value of a parameter after `mark`, or "{2}".
std::string value_of(const Rule& rule, std::size_t param, const std::vector<std::string>& segments,
                     const char* mark) {
  const std::size_t at = segment_of(rule, param);
  if (at < segments.size() && !segments[at].empty()) return mark + segments[at];
  return '{' + std::to_string(at) + '}';
}

std::string resource_of(const Rule& rule, const std::vector<std::string>& segments) {
  std::string text;
  for (const ResourcePart& part : rule.resource)
    text +=
        part.param < 0 ? part.literal : value_of(rule, static_cast<std::size_t>(part.param), segments, "");
  return text;
}

void add_owners(const Rule& rule, const Requirement& requirement, std::vector<std::size_t>& segments) {
  if (requirement.kind == RequirementKind::owner) segments.push_back(segment_of(rule, requirement.symbol));
  for (const Requirement& child : requirement.children) add_owners(rule, child, segments);
}

}  // namespace

std::vector<std::size_t> deciding_segments(const Rule& rule) {
  std::vector<std::size_t> segments;
  add_owners(rule, rule.requirement, segments);
  for (const ResourcePart& part : rule.resource)
    if (part.param >= 0) segments.push_back(segment_of(rule, static_cast<std::size_t>(part.param)));
  return segments;
}

std::size_t TruthTable::number(Term term) {
  const auto known = std::find(terms_.begin(), terms_.end(), term);
  if (known != terms_.end()) return static_cast<std::size_t>(known - terms_.begin());
  terms_.push_back(std::move(term));
  return terms_.size() - 1;
}

Formula TruthTable::formula(const Requirement& requirement, const Rule& rule,
                            const std::vector<std::string>& segments) {
  using Kind = Formula::Kind;
  const auto of_children = [&](Kind kind) {
    Formula formula{kind, 0, {}};
    for (const Requirement& child : requirement.children)
      formula.parts.push_back(this->formula(child, rule, segments));
    return formula;
  };
  switch (requirement.kind) {
    case RequirementKind::never:
      return {};
    case RequirementKind::anonymous:
    case RequirementKind::authenticated:
      return {Kind::always, 0, {}};
    case RequirementKind::any_of:
      return of_children(Kind::any_of);
    case RequirementKind::all_of:
      return of_children(Kind::all_of);
    case RequirementKind::negation:
      return of_children(Kind::negation);
    case RequirementKind::owner:
      return {
          Kind::term, number({requirement.kind, value_of(rule, requirement.symbol, segments, "="), {}}), {}};
    default:
      break;
  }
  Formula held{Kind::term, number({requirement.kind, requirement.id, {}}), {}};
  if (requirement.kind != RequirementKind::permission || rule.resource.empty()) return held;
  Formula granted{Kind::term, number({requirement.kind, requirement.id, resource_of(rule, segments)}), {}};
  return {Kind::any_of, 0, {std::move(held), std::move(granted)}};
}

/// The lower six columns alternate within a block, the others from block to block.
TruthTable::Rows TruthTable::column(std::size_t term, std::size_t block) const noexcept {
  constexpr Rows low[] = {0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
                          0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000};
  if (term < 6) return low[term];
  return (block >> (term - 6) & 1) != 0 ? ~Rows{0} : 0;
}

TruthTable::Rows TruthTable::value(const Formula& formula, std::size_t block) const {
  Rows rows = 0;
  switch (formula.kind) {
    case Formula::Kind::never:
      return 0;
    case Formula::Kind::always:
      return ~Rows{0};
    case Formula::Kind::term:
      return column(formula.term, block);
    case Formula::Kind::any_of:
      for (const Formula& part : formula.parts) rows |= value(part, block);
      return rows;
    case Formula::Kind::all_of:
      rows = ~Rows{0};
      for (const Formula& part : formula.parts) rows &= value(part, block);
      return rows;
    case Formula::Kind::negation:
      return ~value(formula.parts.front(), block);
  }
  return 0;
}

/// A connection shows one certificate: two subjects at once cannot be, and a subject is a certificate. Nor is
/// one subject two.
TruthTable::Rows TruthTable::possible(std::size_t block) const {
  Rows rows = ~Rows{0};
  Rows owners = 0;
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    if (terms_[i].kind != RequirementKind::owner || !terms_[i].id.starts_with('=')) continue;
    const Rows one = column(i, block);
    rows &= ~(one & owners);
    owners |= one;
  }
  Rows seen = 0;
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    if (terms_[i].kind != RequirementKind::client_certificate || terms_[i].id.empty()) continue;
    const Rows one = column(i, block);
    rows &= ~(one & seen);
    seen |= one;
  }
  for (std::size_t i = 0; i < terms_.size(); ++i)
    if (terms_[i].kind == RequirementKind::client_certificate && terms_[i].id.empty())
      rows &= ~seen | column(i, block);
  return rows;
}

std::optional<TruthTable::Row> TruthTable::find(const Formula& holds, const Formula& fails) const {
  const std::size_t blocks = terms_.size() <= 6 ? 1 : std::size_t{1} << (terms_.size() - 6);
  for (std::size_t block = 0; block < blocks; ++block) {
    const Rows rows = value(holds, block) & ~value(fails, block) & possible(block);
    if (rows != 0) return block * 64 + static_cast<std::size_t>(std::countr_zero(rows));
  }
  return std::nullopt;
}

}  // namespace postern::policy
