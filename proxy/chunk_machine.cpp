#include "proxy/chunk_machine.hpp"

#include "conf/limits.hpp"
#include "proxy/byte_class.hpp"

namespace postern {
namespace {

constexpr std::uint8_t size_digits_max = 16;  ///< leading zeros included: whoever pads more wants an overflow

/// `digit` is a hex digit.
std::uint64_t hex_value(char digit) noexcept {
  return static_cast<std::uint64_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

}  // namespace

ChunkMachine::Step ChunkMachine::step(std::string_view input) noexcept {
  std::size_t at = 0;
  for (;;) {
    switch (state_) {
      case State::complete:
        return {ChunkStatus::complete, at, {}};
      case State::refused:
        return {ChunkStatus::refused, at, {}};
      default:
        break;
    }
    if (at == input.size()) return {ChunkStatus::need_more, at, {}};
    if (state_ == State::data) {
      const std::string_view piece = input.substr(at, remaining_);
      remaining_ -= piece.size();
      moved_ += piece.size();
      if (remaining_ == 0) state_ = State::data_return;
      return {ChunkStatus::data, at + piece.size(), piece};
    }
    state_ = next(input[at]);
    ++at;
  }
}

ChunkMachine::State ChunkMachine::next(char byte) noexcept {
  switch (state_) {
    case State::size_first:
    case State::size:
      return next_in_size(byte);
    case State::size_line_feed:
      return byte == '\n' ? after_size_line() : State::refused;
    case State::data_return:
      return byte == '\r' ? State::data_line_feed : State::refused;
    case State::data_line_feed:
      return byte == '\n' ? State::size_first : State::refused;
    case State::trailer_first:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_line_feed:
      return next_in_trailer(byte);
    case State::last_line_feed:
      return byte == '\n' ? State::complete : State::refused;
    default:
      return next_in_extension(byte);
  }
}

ChunkMachine::State ChunkMachine::next_in_size(char byte) noexcept {
  if (is(byte, hex_byte)) {
    if (digits_ == size_digits_max) return State::refused;
    ++digits_;
    remaining_ = remaining_ << 4 | hex_value(byte);
    return State::size;
  }
  if (digits_ == 0) return State::refused;
  if (byte == '\r') return State::size_line_feed;
  if (byte != ';' && !is_ows(byte)) return State::refused;
  state_ = State::size_blank;
  return next_in_extension(byte);
}

/// The line ended well: what it announced comes next.
ChunkMachine::State ChunkMachine::after_size_line() noexcept {
  if (remaining_ > static_cast<std::uint64_t>(INT64_MAX)) return State::refused;
  digits_ = 0;
  extension_line_ = 0;
  return remaining_ == 0 ? State::trailer_first : State::data;
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`, RFC 9112 §7.1.1. Blanks that no ';' or
/// '=' follows are refused.
ChunkMachine::State ChunkMachine::next_in_extension(char byte) noexcept {
  const bool ends = byte == '\r';
  if (!ends) {
    if (++extension_line_ > limits::chunk_extension_line_bytes_max) return State::refused;
    // Relative to the data, so that a long upload with a small extension on every chunk passes.
    if (++extension_total_ > limits::chunk_extension_bytes_max + moved_ / 16) return State::refused;
  }
  switch (state_) {
    case State::size_blank:
    case State::value_blank:
      if (byte == ';') return State::extension_first;
      return is_ows(byte) ? state_ : State::refused;
    case State::extension_first:
      if (is_ows(byte)) return state_;
      return is(byte, tchar_byte) ? State::extension_name : State::refused;
    case State::extension_name:
      if (is(byte, tchar_byte)) return state_;
      [[fallthrough]];
    case State::name_blank:
      if (byte == '=') return State::value_first;
      if (byte == ';') return State::extension_first;
      if (is_ows(byte)) return State::name_blank;
      return ends && state_ == State::extension_name ? State::size_line_feed : State::refused;
    case State::value_first:
      if (is_ows(byte)) return state_;
      if (byte == '"') return State::quoted;
      return is(byte, tchar_byte) ? State::value_token : State::refused;
    case State::quoted:
      if (byte == '"') return State::value_closed;
      if (byte == '\\') return State::quoted_pair;
      return is(byte, quoted_byte) ? state_ : State::refused;
    case State::quoted_pair:
      return is(byte, value_byte) ? State::quoted : State::refused;
    case State::value_token:
      if (is(byte, tchar_byte)) return state_;
      [[fallthrough]];
    case State::value_closed:
      if (byte == ';') return State::extension_first;
      if (is_ows(byte)) return State::value_blank;
      return ends ? State::size_line_feed : State::refused;
    default:
      return State::refused;
  }
}

ChunkMachine::State ChunkMachine::next_in_trailer(char byte) noexcept {
  if (state_ == State::trailer_first && byte == '\r') return State::last_line_feed;
  if (trailer_total_ == limits::trailer_bytes_max) return State::refused;
  if (trailers_ != nullptr) trailers_[trailer_total_] = byte;
  ++trailer_total_;
  switch (state_) {
    case State::trailer_first:
      return is(byte, tchar_byte) ? State::trailer_name : State::refused;
    case State::trailer_name:
      if (byte == ':') return State::trailer_value;
      return is(byte, tchar_byte) ? state_ : State::refused;
    case State::trailer_value:
      if (byte == '\r') return State::trailer_line_feed;
      return is(byte, value_byte) ? state_ : State::refused;
    default:
      if (byte != '\n') return State::refused;
      if (trailers_ != nullptr) trailers_size_ = trailer_total_;
      return State::trailer_first;
  }
}

}  // namespace postern
