#include <algorithm>

#include "conf/foreign_fields.hpp"
#include "conf/limits.hpp"
#include "conf/option_value.hpp"

namespace postern {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

/// Letters, digits and '-': of the characters a name may hold only those that no server folds into another
/// name.
bool is_prefix(std::string_view folded) {
  if (folded.size() < 2 || folded.size() > limits::header_prefix_bytes_max) return false;
  if (!is_lower(folded.front()) || folded.back() != '-' || folded.find("--") != std::string_view::npos)
    return false;
  return std::all_of(folded.begin(), folded.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

}  // namespace

void read_header_prefix(const Given& given, std::string& out) {
  const std::string* text = given.text();
  if (text == nullptr) return;
  const std::string folded = lower(*text);
  if (!is_prefix(folded)) {
    const bool dash_missing = is_prefix(folded + '-');
    return given.mistake(given.shown() + " is no header prefix",
                         dash_missing ? "did you mean " + quoted(*text + '-') + "?"
                                      : "allowed is " + std::string(given.option.bounds));
  }
  if (const std::string_view name = foreign_field_under(folded); !name.empty())
    return given.mistake(given.shown() + " would swallow the field " + quoted(name));
  if (const std::string_view family = foreign_family_of(folded); !family.empty())
    return given.mistake(given.shown() + " lies among the fields " + quoted(std::string(family) + '*'));
  out = *text;
}

}  // namespace postern
