// Finding secrets in bytes from strangers: each find is one, and pieces show what the whole shows.

#include <cstdint>
#include <cstdlib>

#include "store/secret.hpp"
#include "store/secret_scan.hpp"

using namespace postern::store;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t found = 0, in_pieces = 0, from = 0;
  while (const auto one = find_secret(bytes, "pst_", from)) {
    if (secret_form(one->secret, "pst_") != SecretForm::ours || one->offset < from) std::abort();
    from = one->offset + 1;
    ++found;
  }
  const std::size_t overlap = secret_bytes("pst_") - 1;
  for (std::size_t begin = 0; begin < size; begin += 64) {
    const std::string_view piece = bytes.substr(begin, 64 + overlap);
    for (auto one = find_secret(piece, "pst_"); one; one = find_secret(piece, "pst_", one->offset + 1))
      in_pieces += one->offset < 64;
  }
  if (found != in_pieces) std::abort();
  return 0;
}
