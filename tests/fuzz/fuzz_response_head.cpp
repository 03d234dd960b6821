// Any bytes, read as the head of an answer in several segmentations: one verdict, offsets within bounds.

#include "tests/fuzz/fuzz_heads.hpp"

using namespace postern;
using namespace postern::fuzz;

namespace {

std::string tell_response(const ResponseHead& head, const char* buffer) {
  require_within(head.reason, head);
  require(head.status >= 100 && head.status <= 599, "a status out of range");
  require(head.framing != Framing::none, "an answer without an end");
  require(response_framing(head, true) == Framing::none, "a body after HEAD");
  std::string text = tell(head, buffer);
  add(text, head.reason);
  return text + std::to_string(head.status) + (head.has_date ? "d" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(read_in_every_way<ResponseReader, ResponseHead>(bytes, tell_response));
  return 0;
}
