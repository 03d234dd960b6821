#include "proxy/trace.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <sys/random.h>

#include "conf/byte_block.hpp"
#include "conf/result.hpp"

namespace postern {
namespace {

constexpr std::uint8_t lower_hex = 1;
constexpr std::uint8_t id_byte = 2;
constexpr std::array<std::uint8_t, 256> byte_kinds = [] {
  std::array<std::uint8_t, 256> table{};
  for (const char c : std::string_view("0123456789abcdef")) table[static_cast<unsigned char>(c)] |= lower_hex;
  for (const char c :
       std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~+/=:@"))
    table[static_cast<unsigned char>(c)] |= id_byte;
  return table;
}();
bool all_of_kind(std::string_view text, std::uint8_t kind) noexcept {
  std::uint8_t kinds = kind;
  for (const char c : text) kinds &= byte_kinds[static_cast<unsigned char>(c)];
  return kinds != 0;
}
bool is_lower_hex(char c) noexcept {
  return (byte_kinds[static_cast<unsigned char>(c)] & lower_hex) != 0;
}

BlockMask no_lower_hex(ByteBlock block) noexcept {
  return ~(((block >= '0') & (block <= '9')) | ((block >= 'a') & (block <= 'f')));
}

/// Lower-case hex digits, not all of them zero.
bool is_nonzero_hex(std::string_view text) noexcept {
  return none_in(text, no_lower_hex) && !none_in(text, [](ByteBlock block) { return block != '0'; });
}

bool is_traceparent(std::string_view text) noexcept {
  return text.size() == 55 && text.substr(0, 3) == "00-" && is_nonzero_hex(text.substr(3, 32)) &&
         text[35] == '-' && is_nonzero_hex(text.substr(36, 16)) && text[52] == '-' &&
         is_lower_hex(text[53]) && is_lower_hex(text[54]);
}

void put_hex(TextWriter& out, std::uint64_t number) noexcept {
  constexpr char hex[] = "0123456789abcdef";
  char digits[16];
  for (int i = 15; i >= 0; --i, number >>= 4) digits[i] = hex[number & 15];
  out.put(std::string_view(digits, sizeof digits));
}

}  // namespace

IdSource::IdSource() {
  POSTERN_CHECK(::getrandom(state_, sizeof state_, 0) == sizeof state_);
}

std::uint64_t IdSource::next() noexcept {  // xoshiro256++ (Blackman, Vigna)
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void choose_request_id(std::string_view presented, IdSource& ids, RequestId& out) noexcept {
  if (!presented.empty() && presented.size() <= limits::request_id_bytes_max &&
      all_of_kind(presented, id_byte)) {
    out.assign(presented);
    return;
  }
  char bytes[32];
  TextWriter made(bytes);
  put_hex(made, ids.next());
  put_hex(made, ids.next());
  out.assign(made.view());
}

bool choose_traceparent(std::string_view presented, IdSource& ids, TraceParent& out) noexcept {
  if (is_traceparent(presented)) {
    out.assign(presented);
    return true;
  }
  char bytes[55];
  TextWriter made(bytes);
  made.put("00-");
  put_hex(made, ids.next() | 1);  // never all zero
  put_hex(made, ids.next());
  made.put('-');
  put_hex(made, ids.next() | 1);
  made.put("-00");
  out.assign(made.view());
  return false;
}

bool is_sampled(std::string_view traceparent) noexcept {
  const char flags = traceparent[54];
  return ((flags <= '9' ? flags - '0' : flags - 'a' + 10) & 1) != 0;
}

bool begin_span(bool continued, std::uint32_t sample_percent, IdSource& ids, TraceParent& traceparent,
                SpanId& parent) noexcept {
  const std::string_view theirs = traceparent.view();
  if (continued ? !is_sampled(theirs) : ids.next() % 100 >= sample_percent) return false;
  char bytes[55];
  TextWriter made(bytes);
  if (continued) {
    parent.assign(span_id(theirs));
    made.put(theirs.substr(0, 36));
    put_hex(made, ids.next() | 1);
    made.put(theirs.substr(52));
  } else {
    made.put(theirs.substr(0, 53));
    made.put("01");
  }
  traceparent.assign(made.view());
  return true;
}

}  // namespace postern
