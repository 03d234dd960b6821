// Reads a chunked body (RFC 9112 §7.1) from a stream of bytes, whatever the segmentation. We write our own framing, so
// extensions end here and trailers go to their own sink.

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
    std::size_t consumed = 0;   ///< bytes of the input used up by this step, data included
    std::string_view data;      ///< with ChunkStatus::data
  };
  /// Takes the input from its front and stops at the first piece of data, the end, an error, or the end of the input. Call again
  /// with what is left. Never allocates or throws.
  [[nodiscard]] Step step(std::string_view input) noexcept;

  [[nodiscard]] bool complete() const noexcept;
  /// The trailer section as read so far: checked field lines `Name: value CRLF`, without the final empty line. Bounded by
  /// limits::trailer_bytes_max; held only if keep_trailers(buffer) gave a place, else checked and dropped.
  [[nodiscard]] std::string_view trailers() const noexcept { return {trailers_, trailers_size_}; }
  /// `buffer` must hold limits::trailer_bytes_max bytes and outlive the machine's use of it.
  void keep_trailers(char* buffer) noexcept { trailers_ = buffer; }

 private:
  std::uint8_t state_ = 0;
  std::uint8_t digits_ = 0;           ///< hex digits of the size line so far
  std::uint64_t remaining_ = 0;       ///< of the chunk's data
  std::uint64_t moved_ = 0;           ///< data bytes of the message, for the extension budget
  std::uint32_t extension_line_ = 0;  ///< bytes of this line's extensions
  std::uint64_t extension_total_ = 0;
  std::uint32_t trailer_total_ = 0;
  std::uint32_t trailer_line_ = 0;    ///< bytes of the trailer line so far
  char* trailers_ = nullptr;
  std::uint32_t trailers_size_ = 0;
};

}  // namespace postern
