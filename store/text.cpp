#include "store/text.hpp"

#include <algorithm>
#include <cstdint>

#include "conf/limits.hpp"
#include "conf/utf8.hpp"
#include "store/store.hpp"

namespace postern::store {
namespace {

/// C0, DEL, C1, and the line and paragraph separators U+2028 and U+2029.
bool is_control(std::string_view character) noexcept {
  const auto lead = static_cast<std::uint8_t>(character[0]);
  if (character.size() == 1) return lead < 0x20 || lead == 0x7f;
  if (character.size() == 2) return lead == 0xc2 && static_cast<std::uint8_t>(character[1]) < 0xa0;
  return character == "\u2028" || character == "\u2029";
}

bool is_entity_char(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string_view text_flaw(std::string_view text, std::size_t bytes_max) noexcept {
  if (text.size() > bytes_max) return "is too long";
  while (!text.empty()) {
    const std::size_t size = utf8_size(text);
    if (size == 0) return "is not valid UTF-8";
    if (is_control(text.substr(0, size))) return "holds a control character";
    text.remove_prefix(size);
  }
  return {};
}

Status check_text(std::string_view field, std::string_view text, std::size_t bytes_max) {
  const std::string_view flaw = text_flaw(text, bytes_max);
  if (flaw.empty()) return {};
  std::string message = std::string(field) + " " + std::string(flaw);
  if (text.size() > bytes_max) message += " (at most " + std::to_string(bytes_max) + " bytes)";
  return Error{ErrorKind::invalid, std::move(message)};
}

std::string_view entity_id_flaw(std::string_view id) noexcept {
  if (id.empty()) return "the id is empty";
  if (id.size() > limits::entity_id_bytes_max) return "the id is longer than 128 characters";
  if (id.front() < 'a' || id.front() > 'z') return "an id starts with a lower-case letter";
  if (id.back() == '.') return "an id does not end with a dot";
  if (id.find("..") != std::string_view::npos) return "an id has no empty part between dots";
  if (!std::all_of(id.begin(), id.end(), [](char c) { return is_entity_char(c) || c == '.'; }))
    return "an id holds lower-case letters, digits, '_' and dots only";
  return {};
}

std::string_view user_id_flaw(std::string_view id) noexcept {
  if (id.empty()) return "the user id is empty";
  if (id.size() > limits::user_id_bytes_max) return "the user id is longer than 128 characters";
  if (!is_alphanumeric(id.front())) return "a user id starts with a letter or a digit";
  const auto allowed = [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '_' || c == '@' || c == '-';
  };
  if (!std::all_of(id.begin(), id.end(), allowed))
    return "a user id holds letters, digits, '.', '_', '@' and '-' only";
  return {};
}

}  // namespace postern::store
