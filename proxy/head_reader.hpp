// The strict reader of HTTP/1.x heads: the only one in the house, for clients, upstreams and the admin
// listener. The grammar is RFC 9112 with every ambiguity refused; tests/e2e/README.md maps each check to its
// test.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "conf/limits.hpp"
#include "proxy/byte_class.hpp"
#include "proxy/field_line.hpp"
#include "proxy/framing_fields.hpp"
#include "proxy/head.hpp"
#include "proxy/head_error.hpp"
#include "proxy/line_scanner.hpp"

namespace postern {

/// Bounds that an operator may set below those of conf/limits.hpp.
struct HeadLimits {
  std::size_t head = limits::head_bytes_max;      ///< bytes, empty lines before it included
  std::size_t target = limits::target_bytes_max;  ///< bytes
  std::size_t fields = limits::fields_max;
};

enum class HeadStatus : std::uint8_t { incomplete = 0, complete, refused };

/// Reads one request head from the front of a buffer that grows. Feed it the whole buffer each time; every
/// byte is looked at once, whatever the segmentation, and the verdict never depends on it. Never throws,
/// asserts or allocates.
class RequestReader {
 public:
  /// `buffer` starts at the first byte of the message and holds all that has arrived, perhaps more than the
  /// head. After `complete`, `head` holds offsets into `buffer` and head.size bytes were consumed; call
  /// reset() before the next message. After `refused`, error(), and every later call refuses too. An error is
  /// known when its line is complete, a limit when the byte beyond it would be needed. `head` is the same one
  /// in every call of a message. It is only written, never read across calls by anybody else.
  HeadStatus feed(std::string_view buffer, RequestHead& head) noexcept;
  /// The same within narrower bounds. Only what is complete can be told to be within them, but a head that is
  /// longer already is refused at once.
  HeadStatus feed(std::string_view buffer, RequestHead& head, const HeadLimits& bounds) noexcept;
  [[nodiscard]] HeadError error() const noexcept { return error_; }
  /// Ready for the next message.
  void reset() noexcept { *this = RequestReader{}; }

 private:
  [[nodiscard]] HeadError take_first_line(const char* buffer, Line line, RequestHead& head) noexcept;
  [[nodiscard]] HeadError take_field_line(const char* buffer, Line line, RequestHead& head) noexcept;
  [[nodiscard]] HeadError finish(const char* buffer, RequestHead& head) const noexcept;
  HeadStatus refuse(HeadError error) noexcept;

  LineScanner lines_;
  FramingFields framing_;
  bool request_line_seen_ = false;
  bool empty_line_seen_ = false;  ///< the one before the request line that is skipped
  bool expect_seen_ = false;
  HeadError error_ = HeadError::none;
};

/// The same for the upstream's status line and fields. Any refusal is a 502. Whether a body follows depends
/// on the request too: response_framing().
class ResponseReader {
 public:
  HeadStatus feed(std::string_view buffer, ResponseHead& head) noexcept;
  [[nodiscard]] HeadError error() const noexcept { return error_; }
  void reset() noexcept { *this = ResponseReader{}; }

 private:
  [[nodiscard]] HeadError take_field_line(const char* buffer, Line line, ResponseHead& head) noexcept;
  HeadStatus refuse(HeadError error) noexcept;

  LineScanner lines_;
  FramingFields framing_;
  bool status_line_seen_ = false;
  HeadError error_ = HeadError::none;
};

/// Calls `each(token)` for every token of a comma list, OWS trimmed, empty elements skipped.
template <class Each>
void for_each_token(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view token = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    while (!token.empty() && is_ows(token.front())) token.remove_prefix(1);
    while (!token.empty() && is_ows(token.back())) token.remove_suffix(1);
    if (!token.empty()) each(token);
  }
}

}  // namespace postern
