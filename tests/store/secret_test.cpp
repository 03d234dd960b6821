#include "store/secret.hpp"

#include <doctest/doctest.h>
#include <set>

#include "store/reader.hpp"
#include "store/token_id.hpp"

namespace postern::store {
namespace {

TEST_CASE("the checksum of a secret is CRC-32 as in zlib, base62, padded to six") {
  // The good ones were computed by Python's zlib.crc32.
  struct Case {
    const char* secret;
    SecretForm form;
  };
  const Case cases[] = {
      {"pst_0123456789abcdefghijklmnopqrstuv4QQECi", SecretForm::ours},
      {"pst_000000000000000000000000000000000l12D9", SecretForm::ours},
      {"pst_0123456789abcdefghijklmnopqrstuw4QQECi", SecretForm::corrupt},
      {"pst_0123456789abcdefghijklmnopqrstuv0l12D9", SecretForm::corrupt},
      {"pst_0123456789abcdefghijklmnopqrstuv", SecretForm::corrupt},
      {"pst_", SecretForm::corrupt},
      {"pst_0123456789abcdefghijklmnopqrst-v4QQECi", SecretForm::corrupt},
      {"pst_0123456789abcdefghijklmnopqrstuv4QQECi0", SecretForm::corrupt},
      {"PST_0123456789abcdefghijklmnopqrstuv4QQECi", SecretForm::foreign},
      {"ghp_0123456789", SecretForm::foreign},
      {"", SecretForm::foreign},
  };
  for (const Case& one : cases) {
    CAPTURE(one.secret);
    CHECK(secret_form(one.secret, "pst_") == one.form);
  }
}

TEST_CASE("every made secret has our form, and no two are alike") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto secret = make_secret("acme_");
    REQUIRE(secret.has_value());
    CHECK(secret->size() == 5 + 32 + 6);
    CHECK(secret_form(*secret, "acme_") == SecretForm::ours);
    CHECK(seen.insert(*secret).second);
  }
}

TEST_CASE("one changed character is always noticed before any look-up") {
  const auto secret = make_secret("pst_");
  REQUIRE(secret.has_value());
  for (std::size_t i = 4; i < secret->size(); ++i) {
    std::string changed = *secret;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    CAPTURE(i);
    CHECK(secret_form(changed, "pst_") == SecretForm::corrupt);
  }
}

TEST_CASE("hash_secret is SHA-256") {
  // FIPS 180-2, appendix B.1
  const SecretHash hash = hash_secret("abc");
  const std::uint8_t expected[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
  for (std::size_t i = 0; i < sizeof expected; ++i) CHECK(hash.bytes[i] == expected[i]);
}

TEST_CASE("a secret chosen elsewhere is imported only when it is hard to guess") {
  struct Case {
    const char* secret;
    bool good;
  };
  const Case cases[] = {
      {"8f14e45fceea167a5a36dedd4bea2543", true},
      {"c9f0f895-fb98-4b7e-9d3a-1b2c3d4e5f60", true},
      {"gho_16C7e42F292c6912E7710c838347Ae178B4a", true},
      {"dGhpcyBpcyBhIHNlY3JldCE=", true},
      {"short", false},
      {"fifteen-letters", false},
      {"aaaaaaaaaaaaaaaaaaaa", false},
      {"abababababababababab", false},
      {"changemechangeme", false},
      {"passwordpasswordpass", false},
      {"abcdefghijklmnop", false},
      {"1234567890123456", false},
      {"zyxwvutsrqponmlkji", false},
      {"8f14e45fceea167a 5a36dedd4bea2543", false},
      {"8f14e45fceea167a\n5a36dedd4bea254", false},
      {"8f14e45f=eea167a5a36dedd4bea2543", false},
      {"================", false},
      {"s\xc3\xa9\x63ret-s\xc3\xa9\x63ret-with-accents", false},
  };
  for (const Case& one : cases) {
    CAPTURE(one.secret);
    CHECK(imported_secret_flaw(one.secret).empty() == one.good);
  }
  CHECK_FALSE(imported_secret_flaw(std::string(600, 'x') + "yzabcdefgh").empty());
}

TEST_CASE("wiping leaves nothing of the secret in its memory") {
  std::string secret = "pst_0123456789abcdefghijklmnopqrstuv123456";
  const char* memory = secret.data();
  const std::size_t capacity = secret.capacity();
  wipe(secret);
  CHECK(secret.empty());
  for (std::size_t i = 0; i < capacity; ++i) CHECK(memory[i] == '\0');
}

TEST_CASE("token ids go to their keys and back, in the same order") {
  const char* ids[] = {"tok_0000000000000000", "tok_0000000000000001", "tok_00000000zzzzzzzz",
                       "tok_0000000100000000", "tok_9999999999999999", "tok_AAAAAAAAAAAAAAAA",
                       "tok_Zz0aZz0aZz0aZz0a", "tok_zzzzzzzzzzzzzzzz"};
  TokenKey last;
  for (const char* id : ids) {
    CAPTURE(id);
    const auto key = parse_token_id(id);
    REQUIRE(key.has_value());
    CHECK(token_id_text(*key) == id);
    CHECK(token_key(key->view()) == key);
    if (id != ids[0]) CHECK(last.view() < key->view());
    last = *key;
  }
}

TEST_CASE("what is no token id has no key") {
  for (const char* id : {"", "tok_", "tok_000000000000000", "tok_00000000000000000", "tik_0000000000000000",
                         "tok_000000000000000-", "TOK_0000000000000000"}) {
    CAPTURE(id);
    CHECK_FALSE(parse_token_id(id).has_value());
  }
  CHECK_FALSE(token_key(std::string(11, '\0')).has_value());
  CHECK_FALSE(token_key(std::string(12, '\xff')).has_value());
}

}  // namespace
}  // namespace postern::store
