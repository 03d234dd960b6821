// Reads a chunked body (RFC 9112 §7.1) from a stream of bytes, whatever the segmentation. We write our own
// framing, so extensions end here and trailers go to their own sink.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern {

enum class ChunkStatus : std::uint8_t {
  need_more = 0,  ///< all input consumed, the body goes on
  data,           ///< `data` is a piece of the body, inside the input
  complete,       ///< the last CRLF was read; what is left of the input belongs to the next message
  refused,        ///< malformed or beyond a limit (limits::chunk_*, limits::trailer_bytes_max)
};

class ChunkMachine {
 public:
  struct Step {
    ChunkStatus status = ChunkStatus::need_more;
    std::size_t consumed = 0;  ///< bytes of the input used up by this step, data included
    std::string_view data;     ///< with ChunkStatus::data
  };
  /// Takes the input from its front and stops at the first piece of data, the end, an error, or the end of
  /// the input. Call again with what is left. Once complete or refused, it stays so and consumes nothing.
  /// Never allocates or throws.
  [[nodiscard]] Step step(std::string_view input) noexcept;

  [[nodiscard]] bool complete() const noexcept { return state_ == State::complete; }
  /// The trailer section as read so far: checked field lines `Name: value CRLF`, without the final empty
  /// line. Bounded by limits::trailer_bytes_max; held only if keep_trailers(buffer) gave a place, else
  /// checked and dropped.
  [[nodiscard]] std::string_view trailers() const noexcept { return {trailers_, trailers_size_}; }
  /// `buffer` must hold limits::trailer_bytes_max bytes and outlive the machine's use of it. Before the first
  /// step().
  void keep_trailers(char* buffer) noexcept { trailers_ = buffer; }

 private:
  /// What comes next.
  enum class State : std::uint8_t {
    size_first = 0,  ///< the first digit of a chunk's size
    size,            ///< another one, or what may follow a size
    size_blank,      ///< BWS before ';'
    size_line_feed,
    extension_first,  ///< BWS or an extension's name, after ';'
    extension_name,
    name_blank,   ///< BWS before '=' or ';'
    value_first,  ///< BWS or an extension's value, after '='
    value_token,
    quoted,
    quoted_pair,   ///< the byte after '\'
    value_blank,   ///< BWS after a value: ';' must follow
    value_closed,  ///< right after the closing quote
    data,
    data_return,
    data_line_feed,
    trailer_first,  ///< a trailer's name, or the CR of the empty line
    trailer_name,
    trailer_value,
    trailer_line_feed,
    last_line_feed,
    complete,
    refused,
  };

  [[nodiscard]] State next(char byte) noexcept;
  [[nodiscard]] State next_in_size(char byte) noexcept;
  [[nodiscard]] State next_in_extension(char byte) noexcept;
  [[nodiscard]] State next_in_trailer(char byte) noexcept;
  [[nodiscard]] State after_size_line() noexcept;

  State state_ = State::size_first;
  std::uint8_t digits_ = 0;           ///< hex digits of the size line so far
  std::uint64_t remaining_ = 0;       ///< of the chunk's data; while its size is read, that size
  std::uint64_t moved_ = 0;           ///< data bytes of the message, for the extension budget
  std::uint32_t extension_line_ = 0;  ///< bytes of this line's extensions
  std::uint64_t extension_total_ = 0;
  std::uint32_t trailer_total_ = 0;  ///< bytes of the trailer section, the line being read included
  char* trailers_ = nullptr;
  std::uint32_t trailers_size_ = 0;  ///< of the lines that are complete
};

}  // namespace postern
