// Any bytes as a path and as a host: refused, or canonical, once and for all, with nothing left to decode
// into structure.

#include <cstdint>
#include <string>
#include <string_view>

#include "conf/result.hpp"
#include "policy/target.hpp"

using namespace postern::policy;

namespace {

void check_path(std::string_view raw) {
  std::string buffer(raw.size(), '\0');
  CanonicalPath path;
  if (canonical_path(raw, buffer, path) != TargetError::none) {
    POSTERN_CHECK(path.text.empty() && path.segment_count == 0);
    return;
  }
  POSTERN_CHECK(path.text.size() <= raw.size() && path.text.front() == '/');

  std::string again(path.text.size(), '\0');
  CanonicalPath twice;
  POSTERN_CHECK(canonical_path(path.text, again, twice) == TargetError::none);
  POSTERN_CHECK(twice.text == path.text && twice.segment_count == path.segment_count);

  std::string joined;
  std::string decoded_path;
  for (std::size_t i = 0; i < path.segment_count; ++i) {
    const std::string_view segment = path.segment(i);
    joined += '/';
    joined += segment;
    POSTERN_CHECK(!segment.empty() || i + 1 == path.segment_count);

    std::string decoded(segment.size(), '\0');
    decoded.resize(decode_segment(segment, decoded).size());
    POSTERN_CHECK(decoded != "." && decoded != "..");
    for (const char c : decoded) {
      const auto byte = static_cast<unsigned char>(c);
      POSTERN_CHECK(byte >= 0x20 && byte != 0x7F && c != '/' && c != '\\' && c != ';');
    }
    // A second decoding finds nothing: no escape is left in what an upstream sees.
    std::string decoded_twice(decoded.size(), '\0');
    POSTERN_CHECK(decode_segment(decoded, decoded_twice) == decoded);
  }
  POSTERN_CHECK(joined == path.text);
}

void check_host(std::string_view raw) {
  char buffer[postern::limits::host_bytes_max];
  CanonicalHost host;
  if (!canonical_host(raw, buffer, host)) return;
  POSTERN_CHECK(!host.name.empty() && host.port.size() <= 5);
  char again[postern::limits::host_bytes_max];
  CanonicalHost twice;
  POSTERN_CHECK(canonical_host(host.name, again, twice));
  POSTERN_CHECK(twice.name == host.name && twice.port.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_path(input);
  check_host(input);
  (void)query_is_clean(input);
  return 0;
}
