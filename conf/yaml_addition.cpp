#include "conf/yaml_addition.hpp"

#include <algorithm>

namespace postern::yaml {
namespace {

/// Where line `number` (from 1) begins, or the end of the text.
std::size_t line_begin(std::string_view text, std::size_t number) {
  std::size_t at = 0;
  for (std::size_t line = 1; line < number; ++line) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) return text.size();
    at = end + 1;
  }
  return at;
}

std::string_view line_at(std::string_view text, std::size_t begin) {
  return text.substr(begin, text.find('\n', begin) - begin);
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

std::optional<ListEnd> end_of_list(const Document& document, std::string_view key) {
  const std::string_view text = document.text;
  const std::string line_end = text.empty() || text.back() == '\n' ? "" : "\n";
  const std::vector<Entry>& entries = document.root.entries;
  const auto entry =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& one) { return one.key == key; });
  if (entry == entries.end()) return ListEnd{text.size(), 2, line_end + std::string(key) + ":\n"};

  std::size_t end = text.size();
  for (const Entry& other : entries)
    if (other.line > entry->line) end = std::min(end, line_begin(text, other.line));
  // Comments and empty lines in front of the next key are about that.
  while (end < text.size() && end > 1) {
    const std::size_t before = text.rfind('\n', end - 2) + 1;  // npos + 1 is 0: the first line
    const std::string_view line = line_at(text, before);
    if (!is_blank(line) && !line.starts_with('#')) break;
    end = before;
  }
  const std::string missing_end = end == text.size() ? line_end : "";
  if (entry->value.kind == Kind::null) return ListEnd{end, 2, missing_end};
  if (entry->value.kind != Kind::sequence || entry->value.items.empty()) return std::nullopt;
  for (std::size_t at = line_begin(text, entry->line + 1); at < end;
       at = std::min(text.find('\n', at), end - 1) + 1) {
    const std::string_view line = line_at(text, at);
    const std::size_t first = line.find_first_not_of(' ');
    if (is_blank(line) || line[first] == '#') continue;
    if (line[first] != '-') break;
    return ListEnd{end, first, missing_end};
  }
  return std::nullopt;
}

std::optional<Addition> further_word(const Document& document, const Node& list, std::string_view word) {
  if (list.items.empty()) return std::nullopt;
  const std::string_view text = document.text;
  const Node& last = list.items.back();
  const std::size_t begin = line_begin(text, last.line);
  const std::size_t at = begin + last.column - 1;
  const std::size_t quote = last.quoted ? 1 : 0;
  const std::size_t behind = at + last.scalar.size() + 2 * quote;
  if (last.kind != Kind::scalar || text.substr(at + quote, last.scalar.size()) != last.scalar)
    return std::nullopt;
  const std::string_view before = text.substr(begin, at - begin);
  const std::size_t dash = before.find_first_not_of(' ');
  const bool own_line =
      dash != std::string_view::npos && before[dash] == '-' && is_blank(before.substr(dash + 1));
  if (!own_line) return Addition{behind, ", " + std::string(word)};
  const std::size_t end = std::min(text.find('\n', behind), text.size());
  return Addition{end, '\n' + std::string(before) + std::string(word)};
}

std::string with_additions(std::string_view text, std::vector<Addition> additions) {
  std::stable_sort(additions.begin(), additions.end(),
                   [](const Addition& a, const Addition& b) { return a.offset < b.offset; });
  std::string out;
  std::size_t at = 0;
  for (const Addition& one : additions) {
    out += text.substr(at, one.offset - at);
    out += one.text;
    at = one.offset;
  }
  out += text.substr(at);
  return out;
}

}  // namespace postern::yaml
