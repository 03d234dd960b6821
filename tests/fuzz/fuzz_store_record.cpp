// Any bytes as a record of the store: refused, or read without reading beyond, and then they are the one
// spelling of what was read. The first byte chooses the kind of record.

#include <cstdint>
#include <string>
#include <string_view>

#include "conf/result.hpp"
#include "store/audit.hpp"
#include "store/entity_record.hpp"
#include "store/subject_record.hpp"

using namespace postern::store;

namespace {

template <class Record>
void check(std::string_view bytes) {
  // A heap copy of exact size, so that one byte too far is seen.
  const std::string exact(bytes);
  Record record;
  if (!decode(std::string_view(exact.data(), exact.size()), record)) return;
  POSTERN_CHECK(encode(record) == bytes);
  if constexpr (requires { record.rights; }) {
    const auto held = references(record.rights);
    for (std::size_t i = 1; i < held.size(); ++i) POSTERN_CHECK(held[i - 1] < held[i]);
    for (const Reference& reference : held) {
      record.rights.erase(reference);
      POSTERN_CHECK(references(record.rights).size() < held.size());
    }
    POSTERN_CHECK(record.rights.empty());
    Record without;
    const std::string rest = encode(record);
    POSTERN_CHECK(decode(rest, without));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      check<SecretRecord>(bytes);
      break;
    case 1:
      check<TokenRecord>(bytes);
      break;
    case 2:
      check<UserRecord>(bytes);
      break;
    case 3:
      check<EntityRecord>(bytes);
      break;
    case 4:
      check<AuditEntry>(bytes);
      break;
  }
  return 0;
}
