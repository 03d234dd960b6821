#include "conf/diagnostic.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

#include "conf/limits.hpp"

namespace postern {
namespace {

constexpr std::size_t shown_bytes_max = 160;  // of a source line: a terminal's width or two
constexpr std::size_t quoted_bytes_max = 64;  // of a word in a message
constexpr std::size_t slips_max = 3;          // the largest distance nearest() ever accepts

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80;
}

/// The line `number` (from 1) without its end, or empty.
std::string_view line_of(std::string_view text, std::size_t number) {
  for (std::size_t line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

/// Whether a credential for an upstream (upstreams.*.headers) may stand in it. By words and not by the tree:
/// after a broken quote or an unknown key there is none that could tell where the credential ends. Both
/// words, since one of them may be misspelt.
bool may_hold_secret(std::string_view text) {
  const auto holds = [text](std::string_view word) {
    const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
  };
  return holds("upstreams") || holds("headers");
}

/// The line and a caret under byte `column` (from 1). A long line is cut to a window around the column.
void append_caret(std::string& out, std::string_view line, std::size_t column) {
  if (line.empty() || column == 0) return;
  const std::size_t at = std::min(column - 1, line.size());
  std::size_t begin = 0;
  if (line.size() > shown_bytes_max && at > shown_bytes_max / 2) begin = at - shown_bytes_max / 2;
  while (begin > 0 && is_continuation(line[begin])) --begin;
  std::size_t end = std::min(line.size(), begin + shown_bytes_max);
  while (end < line.size() && is_continuation(line[end])) ++end;

  std::string pad;
  if (begin > 0) {
    out += "...";
    pad += "   ";
  }
  for (std::size_t i = begin; i < end; ++i) {
    // What a terminal would obey is shown as '?', so that a file cannot write over the diagnostic.
    const bool control = (static_cast<unsigned char>(line[i]) < 0x20 && line[i] != '\t') || line[i] == 0x7F;
    out += control ? '?' : line[i];
    // One column per character, not per byte; a tab stays a tab, so that the caret meets its letter.
    if (i < at && !is_continuation(line[i])) pad += line[i] == '\t' ? '\t' : ' ';
  }
  if (end < line.size()) out += "...";
  out += '\n';
  out += pad;
  out += "^\n";
}

/// Optimal string alignment (insert, delete, replace, swap neighbours), or slips_max + 1 when it is beyond
/// `bound`.
std::size_t distance(std::string_view a, std::string_view b, std::size_t bound) {
  constexpr std::size_t size_max = 64;  // no key, id or variable that we suggest is longer
  const std::size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > bound || a.size() >= size_max || b.size() >= size_max) return slips_max + 1;

  std::array<std::array<std::size_t, size_max>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i - 1) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string Position::to_string() const {
  if (line == 0) return file;
  return file + ':' + std::to_string(line) + ':' + std::to_string(column);
}

void Diagnostics::add(Position position, std::string message, std::string suggestion) {
  if (items_.size() >= limits::diagnostics_kept_max) {
    ++omitted_;
    return;
  }
  items_.push_back({std::move(position), std::move(message), std::move(suggestion)});
}

void Diagnostics::append(Diagnostics other) {
  for (Diagnostic& item : other.items_)
    add(std::move(item.position), std::move(item.message), std::move(item.suggestion));
  omitted_ += other.omitted_;
}

std::string Diagnostics::render(std::string_view (*source_of)(const std::string& file, const void* context),
                                const void* context) const {
  // Files stay in the order in which they were first complained about; within a file the place decides.
  std::map<std::string_view, std::size_t> rank;
  for (const Diagnostic& item : items_) rank.try_emplace(item.position.file, rank.size());
  std::vector<const Diagnostic*> sorted;
  sorted.reserve(items_.size());
  for (const Diagnostic& item : items_) sorted.push_back(&item);
  const auto place = [&](const Diagnostic* item) {
    return std::tuple(rank[item->position.file], item->position.line, item->position.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Diagnostic* a, const Diagnostic* b) { return place(a) < place(b); });

  std::string out;
  const std::size_t printed = std::min(sorted.size(), limits::diagnostics_max);
  for (std::size_t i = 0; i < printed; ++i) {
    const Diagnostic& item = *sorted[i];
    out += item.position.to_string() + ": " + item.message;
    if (!item.suggestion.empty()) out += "; " + item.suggestion;
    out += '\n';
    if (item.position.line == 0 || source_of == nullptr) continue;
    const std::string_view text = source_of(item.position.file, context);
    if (!may_hold_secret(text)) append_caret(out, line_of(text, item.position.line), item.position.column);
  }
  if (size() > printed) out += "... and " + std::to_string(size() - printed) + " more\n";
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  std::size_t end = std::min(text.size(), quoted_bytes_max);
  while (end < text.size() && end > 0 && is_continuation(text[end])) --end;
  for (const char byte : text.substr(0, end)) {
    const bool control = static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F;
    out += control ? '?' : byte;
  }
  if (end < text.size()) out += "...";
  return out + '"';
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  const std::size_t bound = word.size() <= 4 ? 1 : word.size() <= 8 ? 2 : slips_max;
  std::string_view best;
  std::size_t best_distance = bound + 1;
  for (const std::string_view candidate : known) {
    const std::size_t d = distance(word, candidate, bound);
    if (d >= best_distance) continue;
    best_distance = d;
    best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string_view best = nearest(word, known);
  return best.empty() ? std::string{} : "did you mean " + quoted(best) + "?";
}

}  // namespace postern
