#include "store/secret_scan.hpp"

#include "store_fixture.hpp"

namespace postern::store::test {
namespace {

TEST_CASE("a secret is found by its checksum, wherever it stands") {
  const std::string secret = must(make_secret("pst_"));
  const std::string text = "pst_ pst_" + std::string(38, 'a') + " \"" + secret + secret + "\" pst_";
  const auto first = find_secret(text, "pst_");
  REQUIRE(first);
  CHECK(first->secret == secret);
  CHECK(first->offset == text.find(secret));
  const auto second = find_secret(text, "pst_", first->offset + 1);
  REQUIRE(second);
  CHECK(second->offset == first->offset + secret.size());
  CHECK_FALSE(find_secret(text, "pst_", second->offset + 1));
}

TEST_CASE("what is cut off, of another prefix or has a wrong checksum is none") {
  std::string secret = must(make_secret("pst_"));
  CHECK_FALSE(find_secret(secret.substr(0, secret.size() - 1), "pst_"));
  CHECK_FALSE(find_secret(secret, "other_"));
  secret.back() = secret.back() == 'a' ? 'b' : 'a';
  CHECK_FALSE(find_secret(secret, "pst_"));
  CHECK_FALSE(find_secret("", "pst_"));
}

}  // namespace
}  // namespace postern::store::test
