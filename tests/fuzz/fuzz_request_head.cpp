// Any bytes, read as a request head in several segmentations: one verdict, offsets within bounds, what is
// promised holds.

#include "tests/fuzz/fuzz_heads.hpp"

using namespace postern;
using namespace postern::fuzz;

namespace {

std::string tell_request(const RequestHead& head, const char* buffer) {
  std::string text = tell(head, buffer);
  for (const Slice slice : {head.method, head.target, head.path, head.query, head.host}) {
    require_within(slice, head);
    add(text, slice);
  }
  require(is_token(head.method.of(buffer)) && head.target.size > 0, "no request line");
  require(head.target.size <= limits::target_bytes_max, "the target is beyond its limit");
  require(head.has_host || head.minor == 0, "no host");
  require(!head.has_host || head.host.size > 0, "an empty host");
  require(head.framing != Framing::until_close, "a request has no end");
  require(head.framing != Framing::chunked || head.minor == 1, "a coding in HTTP/1.0");
  require(!head.expect_continue || head.minor == 1, "an expectation in HTTP/1.0");

  std::size_t hosts = 0;
  std::size_t framings = 0;
  for (const Field& field : head.all()) {
    hosts += iequals(field.name.of(buffer), "host") ? 1u : 0u;
    framings += iequals(field.name.of(buffer), "content-length") ||
                        iequals(field.name.of(buffer), "transfer-encoding")
                    ? 1u
                    : 0u;
  }
  require(hosts <= 1, "two hosts");
  require(framings == (head.framing == Framing::none ? 0u : 1u), "framing and its fields differ");
  const std::string_view path = head.path.of(buffer);
  if (head.form == TargetForm::origin || head.form == TargetForm::absolute)
    require(path.empty() ? head.form == TargetForm::absolute : path.front() == '/', "a path without '/'");
  return text + std::to_string(static_cast<int>(head.form)) + (head.has_query ? "?" : "") +
         (head.has_host ? "h" : "") + (head.expect_continue ? "e" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(read_in_every_way<RequestReader, RequestHead>(bytes, tell_request));
  return 0;
}
