// A body as it comes out of a buffer, whatever its framing. Pure: the same for requests and answers.

#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/chunk_machine.hpp"
#include "proxy/exchange.hpp"
#include "proxy/head_reader.hpp"

namespace postern {

class BodyReader {
 public:
  /// For Framing::length, `length` bytes follow.
  void begin(Framing framing, std::uint64_t length) noexcept {
    framing_ = framing;
    left_ = framing == Framing::length ? length : 0;
    chunks_ = ChunkMachine{};
    finished_ = framing == Framing::none || (framing == Framing::length && length == 0);
  }
  /// Keeps the trailer section in `section`, which holds limits::trailer_bytes_max bytes and outlives the
  /// reader; without it trailers are checked and dropped. After begin().
  void keep_trailers(char* section) noexcept { chunks_.keep_trailers(section); }
  /// Bytes of the section that was kept; 0 before the body is finished.
  [[nodiscard]] std::size_t trailers_size() const noexcept {
    return chunks_.complete() ? chunks_.trailers().size() : 0;
  }

  struct Taken {
    std::string_view data;  ///< of the body, without framing; inside the buffer
    bool malformed = false;
  };
  /// Takes all of the body that lies in `window` of `buffer`. Chunked data is moved together in place, so
  /// that it is one piece. What is left in the window belongs to the next message.
  [[nodiscard]] Taken take(char* buffer, Window& window) noexcept;

  [[nodiscard]] bool finished() const noexcept { return finished_; }
  /// The peer has said FIN: with until_close that is the end. False when the body is not complete then.
  [[nodiscard]] bool end_of_stream() noexcept {
    return finished_ = finished_ || framing_ == Framing::until_close;
  }
  [[nodiscard]] Framing framing() const noexcept { return framing_; }
  /// How many bytes may be read at once without taking some of the next message; `room` when that cannot be
  /// known.
  [[nodiscard]] std::size_t wanted(std::size_t room) const noexcept {
    return framing_ == Framing::length && left_ < room ? static_cast<std::size_t>(left_) : room;
  }

 private:
  Framing framing_ = Framing::none;
  bool finished_ = true;
  std::uint64_t left_ = 0;
  ChunkMachine chunks_;
};

}  // namespace postern
