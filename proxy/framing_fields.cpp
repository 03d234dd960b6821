#include "proxy/framing_fields.hpp"

#include "proxy/byte_class.hpp"

namespace postern {
namespace {

constexpr std::size_t length_digits_max = 19;  ///< of 2^63-1, the largest length everybody's integers hold

/// The next element of a comma list, OWS trimmed; `list` is what follows its comma. Empty elements are
/// elements.
std::string_view next_element(std::string_view& list, bool& last) noexcept {
  const std::size_t comma = list.find(',');
  last = comma == std::string_view::npos;
  std::string_view element = list.substr(0, comma);
  list = last ? std::string_view{} : list.substr(comma + 1);
  while (!element.empty() && is_ows(element.front())) element.remove_prefix(1);
  while (!element.empty() && is_ows(element.back())) element.remove_suffix(1);
  return element;
}

HeadError take_connection(std::string_view value, Head& head) noexcept {
  for (bool last = false; !last;) {
    const std::string_view token = next_element(value, last);
    if (token.empty()) continue;
    if (!is_token(token)) return HeadError::bad_connection;
    if (iequals(token, "close"))
      head.connection_close = true;
    else if (iequals(token, "keep-alive"))
      head.connection_keep_alive = true;
    else if (iequals(token, "upgrade"))
      head.connection_upgrade = true;
    else
      head.connection_nominates = true;
  }
  return HeadError::none;
}

}  // namespace

HeadError FramingFields::take_length(std::string_view value, Head& head) noexcept {
  if (length_seen_ || value.empty() || value.size() > length_digits_max) return HeadError::bad_content_length;
  length_seen_ = true;
  std::uint64_t length = 0;
  for (const char byte : value) {
    if (!is(byte, digit_byte)) return HeadError::bad_content_length;
    length = length * 10 + static_cast<std::uint64_t>(byte - '0');
  }
  if (length > INT64_MAX) return HeadError::bad_content_length;
  head.content_length = length;
  return HeadError::none;
}

/// Exactly `chunked` is what we speak. Other codings in a well-formed list are unknown to us; `chunked`
/// anywhere but last, twice, or with parameters, and empty elements, are how one reader is made to see
/// another body than the next one.
HeadError FramingFields::take_coding(std::string_view value) noexcept {
  if (coding_ != Coding::none) return HeadError::bad_transfer_encoding;
  coding_ = iequals(value, "chunked") ? Coding::chunked : Coding::unknown;
  for (bool last = false; !last;) {
    const std::string_view coding = next_element(value, last);
    if (!is_token(coding)) return HeadError::bad_transfer_encoding;
    if (!last && iequals(coding, "chunked")) return HeadError::bad_transfer_encoding;
  }
  return HeadError::none;
}

HeadError FramingFields::take_framing(const Field& field, const char* buffer, Head& head) noexcept {
  switch (field.known) {
    case FieldName::content_length:
      return take_length(field.value.of(buffer), head);
    case FieldName::transfer_encoding:
      return take_coding(field.value.of(buffer));
    case FieldName::connection:
      return take_connection(field.value.of(buffer), head);
    default:
      return HeadError::none;
  }
}

HeadError FramingFields::finish(Head& head, Framing without) const noexcept {
  head.framing = length_seen_ ? Framing::length : without;
  if (coding_ == Coding::none) return HeadError::none;
  if (length_seen_) return HeadError::length_and_coding;
  if (head.minor == 0) return HeadError::coding_in_http10;
  if (coding_ == Coding::unknown) return HeadError::unsupported_transfer_encoding;
  head.framing = Framing::chunked;
  return HeadError::none;
}

}  // namespace postern
