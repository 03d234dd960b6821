#include "proxy/ticket_keys.hpp"

#include <algorithm>
#include <cstring>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "conf/result.hpp"

namespace postern {
namespace {

/// SHA-256 of the secret and a letter that says what for.
void derive(const std::array<std::uint8_t, 32>& secret, char purpose, std::span<std::uint8_t> out) noexcept {
  std::uint8_t text[33];
  std::memcpy(text, secret.data(), secret.size());
  text[32] = static_cast<std::uint8_t>(purpose);
  std::uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(text, sizeof text, digest);
  std::copy_n(digest, out.size(), out.begin());
  OPENSSL_cleanse(text, sizeof text);
  OPENSSL_cleanse(digest, sizeof digest);
}

}  // namespace

TicketKeys TicketKeys::make(Clock::time_point now) noexcept {
  TicketKeys keys;
  POSTERN_CHECK(RAND_bytes(keys.secret_.data(), static_cast<int>(keys.secret_.size())) == 1);
  keys.since_ = now;
  keys.step();
  keys.previous_ = keys.current_;
  return keys;
}

TicketKeys::~TicketKeys() {
  OPENSSL_cleanse(secret_.data(), secret_.size());
  OPENSSL_cleanse(&current_, sizeof current_);
  OPENSSL_cleanse(&previous_, sizeof previous_);
}

void TicketKeys::step() noexcept {
  previous_ = current_;
  derive(secret_, 'n', current_.name);
  derive(secret_, 'c', current_.cipher);
  derive(secret_, 'm', current_.mac);
  const auto before = secret_;
  derive(before, 's', secret_);
}

void TicketKeys::advance(Clock::time_point now) noexcept {
  while (now - since_ >= lifetime) {
    since_ += lifetime;
    step();
  }
}

const TicketKey& TicketKeys::current(Clock::time_point now) noexcept {
  advance(now);
  return current_;
}

const TicketKey* TicketKeys::find(std::span<const std::uint8_t, 16> name, Clock::time_point now) noexcept {
  advance(now);
  for (const TicketKey* key : {&current_, &previous_})
    if (std::equal(name.begin(), name.end(), key->name.begin())) return key;
  return nullptr;
}

}  // namespace postern
