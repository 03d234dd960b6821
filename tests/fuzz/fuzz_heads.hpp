// What both head targets check: one verdict whatever the segmentation, offsets within the bytes that had
// arrived.

#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/head_reader.hpp"
#include "tests/fuzz/segmented.hpp"

namespace postern::fuzz {

/// The end of a read: what it said, and the head as text when it was complete.
struct Verdict {
  HeadStatus status = HeadStatus::incomplete;
  HeadError error = HeadError::none;
  std::string head;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

inline void require_within(Slice slice, const Head& head) {
  require(slice.begin <= head.size && slice.size <= head.size - slice.begin,
          "a slice reaches beyond its head");
}

inline void add(std::string& text, Slice slice) {
  text += std::to_string(slice.begin) + "+" + std::to_string(slice.size) + ";";
}

/// Checks what is true of every accepted head and tells it.
inline std::string tell(const Head& head, const char* buffer) {
  require(head.size <= limits::head_bytes_max && head.field_count <= limits::fields_max,
          "a limit was passed");
  require(std::string_view(buffer + head.size - 4, 4) == "\r\n\r\n", "a head does not end in an empty line");
  std::string text =
      std::to_string(head.minor) + "/" + std::to_string(head.size) + "/" +
      std::to_string(static_cast<int>(head.framing)) + "/" + std::to_string(head.content_length) + "/" +
      std::to_string(head.connection_close + 2 * head.connection_keep_alive + 4 * head.connection_upgrade);
  for (const Field& field : head.all()) {
    require_within(field.name, head);
    require_within(field.value, head);
    require(is_token(field.name.of(buffer)), "a field name is no token");
    const std::string_view value = field.value.of(buffer);
    for (const char byte : value) require(is(byte, value_byte), "a field value holds a control byte");
    require(value.empty() || (!is_ows(value.front()) && !is_ows(value.back())),
            "a field value is not trimmed");
    add(text, field.name);
    add(text, field.value);
    text += std::to_string(static_cast<int>(field.known)) + (field.plain ? "" : "*");
  }
  return text;
}

/// Feeds a buffer that grows by `segments` and is as large as what has arrived, so that no byte beyond is
/// looked at.
template <class Reader, class HeadType, class Next, class Tell>
Verdict read(std::string_view bytes, Next next, Tell tell_all) {
  Reader reader;
  const auto head = std::make_unique<HeadType>();
  std::size_t arrived = 0;
  for (;;) {
    arrived += std::min(bytes.size() - arrived, next());
    const std::unique_ptr<char[]> buffer(new char[arrived]);
    std::memcpy(buffer.get(), bytes.data(), arrived);
    const HeadStatus status = reader.feed({buffer.get(), arrived}, *head);
    require((status == HeadStatus::refused) == (reader.error() != HeadError::none),
            "a refusal without an error");
    if (status == HeadStatus::complete) {
      require(head->size <= arrived, "a head is longer than its bytes");
      return {status, HeadError::none, tell_all(*head, buffer.get())};
    }
    if (status == HeadStatus::refused) {
      require(reader.feed({buffer.get(), arrived}, *head) == HeadStatus::refused, "a refusal did not stay");
      return {status, reader.error(), {}};
    }
    require(arrived < limits::head_bytes_max, "a head beyond its limit was not refused");
    if (arrived == bytes.size()) return {};
  }
}

/// Whole, byte by byte, and cut as the input decides.
template <class Reader, class HeadType, class Tell>
Verdict read_in_every_way(std::string_view bytes, Tell tell_all) {
  const Verdict whole = read<Reader, HeadType>(
      bytes, [&] { return bytes.size(); }, tell_all);
  if (bytes.size() <= 512)
    require(read<Reader, HeadType>(
                bytes, [] { return std::size_t{1}; }, tell_all) == whole,
            "byte by byte it is another head");
  for (std::uint64_t salt = 0; salt < 2; ++salt) {
    Segments segments(bytes, salt);
    require(read<Reader, HeadType>(
                bytes, [&] { return segments.next(); }, tell_all) == whole,
            "cut it is another head");
  }
  return whole;
}

}  // namespace postern::fuzz
