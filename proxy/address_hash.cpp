#include "proxy/address_hash.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <sys/random.h>

#include "conf/result.hpp"

namespace postern {
namespace {

constexpr std::uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/// The state of SipHash (Aumasson, Bernstein 2012).
struct Sip {
  std::uint64_t a, b, c, d;

  constexpr explicit Sip(std::array<std::uint64_t, 2> key) noexcept
      : a(key[0] ^ 0x736f6d6570736575U),
        b(key[1] ^ 0x646f72616e646f6dU),
        c(key[0] ^ 0x6c7967656e657261U),
        d(key[1] ^ 0x7465646279746573U) {}
  constexpr void round() noexcept {
    a += b;
    b = std::rotl(b, 13) ^ a;
    a = std::rotl(a, 32);
    c += d;
    d = std::rotl(d, 16) ^ c;
    a += d;
    d = std::rotl(d, 21) ^ a;
    c += b;
    b = std::rotl(b, 17) ^ c;
    c = std::rotl(c, 32);
  }
  constexpr void take(std::uint64_t word) noexcept {
    d ^= word;
    round();
    round();
    a ^= word;
  }
  constexpr std::uint64_t finish() noexcept {
    c ^= 0xFF;
    for (int i = 0; i < 4; ++i) round();
    return a ^ b ^ c ^ d;
  }
};

}  // namespace

AddressHash::AddressHash() : key_{} {
  POSTERN_CHECK(::getrandom(key_.data(), sizeof key_, 0) == sizeof key_);
}

std::uint64_t AddressHash::operator()(std::span<const std::uint8_t, 16> address) const noexcept {
  const bool v4 = std::equal(std::begin(mapped_prefix), std::end(mapped_prefix), address.begin());
  std::uint64_t words[2];
  std::memcpy(words, address.data(), sizeof words);
  Sip sip(key_);
  sip.take(words[0]);
  sip.take(v4 ? words[1] : 0);
  sip.take(std::uint64_t{16} << 56);
  return sip.finish();
}

bool is_nowhere(std::span<const std::uint8_t, 16> address) noexcept {
  return std::all_of(address.begin(), address.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace postern
