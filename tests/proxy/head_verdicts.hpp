// Heads read to a verdict, told as text so that two readings can be compared whole.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/head_reader.hpp"
#include "tests/proxy/segments.hpp"

namespace postern::test {

inline std::string describe_fields(const Head& head, const char* buffer) {
  std::string text = " HTTP/1." + std::to_string(head.minor) + " size=" + std::to_string(head.size) +
                     " framing=" + std::to_string(static_cast<int>(head.framing)) + "/" +
                     std::to_string(head.content_length);
  text += head.connection_close ? " close" : "";
  text += head.connection_keep_alive ? " keep-alive" : "";
  text += head.connection_upgrade ? " upgrade" : "";
  for (const Field& field : head.all()) {
    text += " [" + std::string(field.name.of(buffer)) + "=" + std::string(field.value.of(buffer)) + "]" +
            std::to_string(static_cast<int>(field.known)) + (field.plain ? "" : "*");
  }
  return text;
}

inline std::string describe(const RequestHead& head, const char* buffer) {
  std::string text =
      "method=" + std::string(head.method.of(buffer)) + " target=" + std::string(head.target.of(buffer)) +
      " form=" + std::to_string(static_cast<int>(head.form)) + " path=" + std::string(head.path.of(buffer));
  if (head.has_query) text += " query=" + std::string(head.query.of(buffer));
  if (head.has_host) text += " host=" + std::string(head.host.of(buffer));
  if (head.expect_continue) text += " expect";
  return text + describe_fields(head, buffer);
}

inline std::string describe(const ResponseHead& head, const char* buffer) {
  return "status=" + std::to_string(head.status) + " reason=" + std::string(head.reason.of(buffer)) +
         (head.has_date ? " date" : "") + describe_fields(head, buffer);
}

/// Reads one head from a buffer that grows to each of `cuts` in turn and moves each time. The buffer is
/// exactly as large as what has arrived, so that a sanitizer sees a byte looked at too far.
template <class Reader, class HeadType>
std::string read_head(std::string_view bytes, const Cuts& cuts) {
  Reader reader;
  HeadType head;
  for (const std::size_t cut : cuts) {
    const std::vector<char> buffer(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
    switch (reader.feed({buffer.data(), buffer.size()}, head)) {
      case HeadStatus::incomplete:
        continue;
      case HeadStatus::complete:
        return describe(head, buffer.data());
      case HeadStatus::refused:
        return "refused: " + std::string(to_string(reader.error()));
    }
  }
  return "incomplete";
}

/// The verdict on a request head, the same for every segmentation.
inline std::string request_verdict(std::string_view bytes) {
  return same_however_cut(bytes, read_head<RequestReader, RequestHead>);
}
inline std::string response_verdict(std::string_view bytes) {
  return same_however_cut(bytes, read_head<ResponseReader, ResponseHead>);
}

}  // namespace postern::test
