// Records: every field survives, the bytes are the ones that README.md promises, and foreign bytes are
// refused.

#include <fstream>
#include <sstream>

#include "store/audit.hpp"
#include "store/entity_record.hpp"
#include "store/subject_record.hpp"
#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

std::string hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text.push_back(digits[static_cast<std::uint8_t>(byte) >> 4]);
    text.push_back(digits[static_cast<std::uint8_t>(byte) & 15]);
  }
  return text;
}

SecretHash hash_of(std::uint8_t first) {
  SecretHash hash;
  for (std::size_t i = 0; i < sizeof hash.bytes; ++i) hash.bytes[i] = static_cast<std::uint8_t>(first + i);
  return hash;
}

Rights all_rights() {
  Rights rights;
  for (const Handle handle : {1u, 2u, 300u}) CHECK(rights.groups.add(handle));
  for (const Handle handle : {7u, 0xffffffffu}) CHECK(rights.roles.add(handle));
  CHECK(rights.permissions.add(128));
  CHECK(rights.licenses.add(5));
  CHECK(rights.grants.add({3, "project/41"}));
  CHECK(rights.grants.add({3, "project/42"}));
  CHECK(rights.grants.add({9, "caf\xc3\xa9"}));
  return rights;
}

SecretRecord smallest_secret() {
  SecretRecord record;
  record.token = parse_token_id("tok_0000000000000001").value();
  return record;
}
SecretRecord full_secret() {
  SecretRecord record;
  record.token = parse_token_id("tok_zzzzzzzzzzzzzzzz").value();
  record.imported = true;
  record.not_before = 1'600'000'000;
  record.expires = 1'900'000'000;
  record.name = "build server";
  record.rights = all_rights();
  CHECK(record.networks.add({{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0}, 104}));
  CHECK(record.networks.add({{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}));
  CHECK(record.networks.add({{0x20, 0x01, 0x0d, 0xb8, 0x40}, 36}));
  CHECK(record.networks.add({{}, 0}));
  record.extensions = std::string_view("\x02\x03new\x04\x00", 7);
  return record;
}
SecretRecord owned_secret() {
  SecretRecord record = smallest_secret();
  record.enabled = false;
  record.owner = 70'000;
  return record;
}
SecretRecord rotated_secret(UnixSeconds grace_until) {
  SecretRecord record = smallest_secret();
  record.state = SecretState::rotated;
  record.rotated_at = 1'700'000'000;
  record.grace_until = grace_until;
  return record;
}
TokenRecord full_token() {
  return {hash_of(0x10), 1'600'000'001, 1'700'000'000, "deploys at night", std::string_view("\x02\x00", 2)};
}
UserRecord full_user() {
  UserRecord record;
  record.id = "anna@example.com";
  record.name = "Anna";
  record.email = "anna@example.com";
  record.status = UserStatus::enabled_until;
  record.enabled_until = 1'900'000'000;
  record.created = 1'600'000'000;
  record.rights = all_rights();
  return record;
}
UserRecord smallest_user() {
  UserRecord record;
  record.id = "a";
  return record;
}
EntityRecord full_role() {
  EntityRecord record;
  record.kind = EntityKind::role;
  record.id = "shop.reader";
  record.name = "Reader";
  record.description = "Reads orders";
  record.reserved = true;
  record.permissions = {1, 2, 1000};
  return record;
}
EntityRecord full_license() {
  EntityRecord record;
  record.kind = EntityKind::license;
  record.id = "shop.pro";
  record.enabled = false;
  record.max_subjects = 500;
  record.url = "https://example.com/pro";
  return record;
}
AuditEntry full_audit() {
  return {42,
          1'700'000'000,
          hash_of(0x40),
          "os:alice",
          "token.create",
          "tok_0000000000000001",
          R"({"after":{}})",
          "why not"};
}

struct Golden {
  const char* name;
  std::string bytes;
};
std::vector<Golden> golden_records() {
  return {
      {"secret, smallest", encode(smallest_secret())},
      {"secret, full", encode(full_secret())},
      {"secret, owned and disabled", encode(owned_secret())},
      {"secret, rotated", encode(rotated_secret(0))},
      {"secret, rotated with grace", encode(rotated_secret(1'700'086'400))},
      {"token, smallest", encode(TokenRecord{hash_of(0), 1, 0, "", ""})},
      {"token, full", encode(full_token())},
      {"user, smallest", encode(smallest_user())},
      {"user, full", encode(full_user())},
      {"role, full", encode(full_role())},
      {"license, full", encode(full_license())},
      {"audit", encode(full_audit())},
  };
}

TEST_CASE("record bytes are those of the golden file") {
  // Rewritten by: POSTERN_UPDATE_GOLDEN=1 store_tests -tc='record bytes*'
  std::ostringstream now;
  for (const Golden& golden : golden_records()) now << golden.name << "\n  " << hex(golden.bytes) << '\n';
  const std::string file = POSTERN_SOURCE_DIR "/tests/store/records.golden";
  if (std::getenv("POSTERN_UPDATE_GOLDEN") != nullptr) std::ofstream(file) << now.str();
  std::ostringstream expected;
  expected << std::ifstream(file).rdbuf();
  CHECK(now.str() == expected.str());
}

template <class Record>
void check_round_trip(const Record& record) {
  const std::string bytes = encode(record);
  Record decoded;
  REQUIRE(decode(bytes, decoded));
  CHECK(encode(decoded) == bytes);
  // A part of a record is none, and neither is more than one.
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(decode(std::string_view(bytes).substr(0, size), decoded));
  }
  CHECK_FALSE(decode(bytes + '\0', decoded));
  std::string newer = bytes;
  newer[0] = 2;
  CHECK_FALSE(decode(newer, decoded));
}

TEST_CASE("every record decodes to what was encoded, and no part of it does") {
  for (const SecretRecord& record :
       {smallest_secret(), full_secret(), owned_secret(), rotated_secret(0), rotated_secret(1'700'086'400)})
    check_round_trip(record);
  check_round_trip(full_token());
  check_round_trip(full_user());
  check_round_trip(smallest_user());
  check_round_trip(full_role());
  check_round_trip(full_license());
  check_round_trip(full_audit());
}

TEST_CASE("the fields of a secret come back one by one") {
  const std::string bytes = encode(full_secret());
  SecretRecord decoded = owned_secret();  // what was there before must not shine through
  REQUIRE(decode(bytes, decoded));
  CHECK(decoded.token == full_secret().token);
  CHECK(decoded.enabled);
  CHECK(decoded.imported);
  CHECK(decoded.not_before == 1'600'000'000);
  CHECK(decoded.expires == 1'900'000'000);
  CHECK(decoded.owner == no_handle);
  CHECK(decoded.name == "build server");
  REQUIRE(decoded.networks.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(decoded.networks.items()[i] == full_secret().networks.items()[i]);
  CHECK(references(decoded.rights) == references(all_rights()));
  REQUIRE(decoded.rights.grants.size() == 3);
  CHECK(decoded.rights.grants.items()[2].resource == "caf\xc3\xa9");
  CHECK(decoded.extensions.size() == 7);
}

/// A smallest secret with other flags and a tail of one's own.
std::string active_with(std::string_view flags_and_tail) {
  const std::string bytes = encode(smallest_secret());
  return bytes.substr(0, bytes.size() - 1) + std::string(flags_and_tail);
}

TEST_CASE("a second spelling of a record, or one that makes no sense, is refused") {
  using namespace std::string_view_literals;
  struct Case {
    const char* name;
    std::string_view tail;  // flags and what follows
    bool good;
  };
  const Case cases[] = {
      {"enabled, nothing else", "\x01"sv, true},
      {"disabled", "\x00"sv, true},
      {"flags in two bytes though one is enough", "\x81\x00"sv, false},
      {"a flag nobody knows", "\x81\x80\x04"sv, false},
      {"one whose old secret was used", "\x80\x80\x04"sv, true},
      {"the same, enabled", "\x81\x80\x04"sv, false},
      {"a canary", "\x81\x80\x02"sv, true},
      {"a canary with an owner", "\x91\x80\x02\x07"sv, false},
      {"a canary with a role", "\xa1\x80\x02\x01\x01"sv, false},
      {"a name", "\x05\x01n"sv, true},
      {"an empty name", "\x05\x00"sv, false},
      {"an expiry", "\x09\x05"sv, true},
      {"an expiry of zero", "\x09\x00"sv, false},
      {"an expiry beyond 63 bits", "\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv, false},
      {"an expiry beyond 64 bits", "\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv, false},
      {"an expiry that never ends", "\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv, false},
      {"an owner", "\x11\x07"sv, true},
      {"an owner of zero", "\x11\x00"sv, false},
      {"an owner beyond 32 bits", "\x11\x80\x80\x80\x80\x10"sv, false},
      {"an owner and rights of its own", "\x31\x07\x01\x01"sv, false},
      {"two roles", "\x21\x02\x01\x01"sv, true},
      {"no roles, though the flag says so", "\x21\x00"sv, false},
      {"a role twice", "\x21\x02\x01\x00"sv, false},
      {"role zero", "\x21\x01\x00"sv, false},
      {"roles that overflow", "\x21\x02\xff\xff\xff\xff\x0f\x01"sv, false},
      {"more roles than there are bytes", "\x21\xff\xff\x03\x01"sv, false},
      {"a network", "\x81\x08\x01\x89\x0a"sv, true},
      {"a network with bits beyond its prefix", "\x81\x08\x01\x88\x0b"sv, false},
      {"an IPv4 prefix of 33", "\x81\x08\x01\xa2\x0a\x00\x00\x00\x00"sv, false},
      {"an IPv4 network written as IPv6", "\x81\x08\x01\x60\0\0\0\0\0\0\0\0\0\0\xff\xff"sv, false},
      {"grants out of order",
       "\x81\x04\x02\x01\x01"
       "b"
       "\x01\x01"
       "a"sv,
       false},
      {"a grant on nothing", "\x81\x04\x01\x01\x00"sv, false},
      {"an extension that may be passed over", "\x81\x20\x03\x02\x01x"sv, true},
      {"an extension that must be understood", "\x81\x20\x03\x01\x01x"sv, false},
      {"extensions out of order", "\x81\x20\x04\x04\x00\x02\x00"sv, false},
      {"an empty list of extensions", "\x81\x20\x00"sv, false},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    SecretRecord record;
    const std::string bytes = active_with(one.tail);
    REQUIRE(decode(bytes, record) == one.good);
    if (one.good) CHECK(encode(record) == bytes);
  }
}

TEST_CASE("more handles than a subject may hold are refused, not cut off") {
  ByteWriter writer;
  writer.u8(0x21);
  writer.varint(limits::handles_per_subject_max + 1);
  for (std::size_t i = 0; i <= limits::handles_per_subject_max; ++i) writer.varint(1);
  SecretRecord record;
  CHECK_FALSE(decode(active_with(writer.bytes()), record));
}

}  // namespace
}  // namespace postern::store::test
