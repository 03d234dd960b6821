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

/// With escaped slashes kept: what strict reading takes is the same, and what it refuses for them alone is
/// canonical, too, once they are taken for slashes.
void check_kept(std::string_view raw) {
  std::string buffer(raw.size(), '\0'), kept_buffer(raw.size(), '\0');
  CanonicalPath path, kept;
  const TargetError strict = canonical_path(raw, buffer, path);
  const TargetError error = canonical_path(raw, kept_buffer, kept, EncodedSlash::keep);
  if (strict == TargetError::none) {
    POSTERN_CHECK(error == TargetError::none && kept.text == path.text && !kept.has_encoded_slash);
    return;
  }
  if (error != TargetError::none) return;
  POSTERN_CHECK(kept.has_encoded_slash);
  std::string again(kept.text.size(), '\0');
  CanonicalPath twice;
  POSTERN_CHECK(canonical_path(kept.text, again, twice, EncodedSlash::keep) == TargetError::none);
  POSTERN_CHECK(twice.text == kept.text && twice.segment_count == kept.segment_count);
  std::string as_slashes(kept.text);
  for (std::size_t at = 0; (at = as_slashes.find("%2F", at)) != std::string::npos;) {
    as_slashes[at] = '/';
    as_slashes.erase(at + 1, 2);
  }
  std::string slash_buffer(as_slashes.size(), '\0');
  CanonicalPath other;
  const TargetError in_slashes = canonical_path(as_slashes, slash_buffer, other);
  POSTERN_CHECK(in_slashes == TargetError::too_deep ||
                (in_slashes == TargetError::none && other.text == as_slashes));
  for (std::size_t i = 0; i < kept.segment_count; ++i) {
    std::string decoded(kept.segment(i).size(), '\0');
    decoded.resize(decode_segment(kept.segment(i), decoded).size());
    POSTERN_CHECK(decoded.find('/') == std::string::npos);
  }
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
  check_kept(input);
  check_host(input);
  (void)query_is_clean(input);
  return 0;
}
