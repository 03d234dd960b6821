// Any bytes, read as a chunked body in several segmentations: the same data, end and trailers; what was
// accepted, written again in the plainest way, is the same body.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "conf/limits.hpp"
#include "proxy/byte_class.hpp"
#include "proxy/chunk_machine.hpp"
#include "tests/fuzz/segmented.hpp"

using namespace postern;
using namespace postern::fuzz;

namespace {

struct Verdict {
  ChunkStatus status = ChunkStatus::need_more;
  std::size_t consumed = 0;
  std::string body;
  std::string trailers;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

template <class Next>
Verdict read(std::string_view bytes, Next next) {
  ChunkMachine machine;
  const std::unique_ptr<char[]> trailers(new char[limits::trailer_bytes_max]);
  machine.keep_trailers(trailers.get());
  Verdict verdict;
  std::size_t arrived = 0;
  while (arrived < bytes.size()) {
    const std::size_t size = std::min(bytes.size() - arrived, next());
    const std::unique_ptr<char[]> segment(new char[size]);
    std::memcpy(segment.get(), bytes.data() + arrived, size);
    arrived += size;
    std::string_view input(segment.get(), size);
    do {
      const ChunkMachine::Step step = machine.step(input);
      require(step.consumed <= input.size(), "more was consumed than given");
      require(step.data.empty() == (step.status != ChunkStatus::data), "data without saying so");
      if (step.status == ChunkStatus::data)
        require(step.data.data() + step.data.size() == input.data() + step.consumed,
                "data does not end what was consumed");
      input.remove_prefix(step.consumed);
      verdict.consumed += step.consumed;
      verdict.body += step.data;
      verdict.trailers = machine.trailers();
      verdict.status = step.status;
      require(machine.complete() == (step.status == ChunkStatus::complete), "complete and not");
      if (step.status == ChunkStatus::complete || step.status == ChunkStatus::refused) {
        require(machine.step("0\r\n\r\n").consumed == 0, "it went on after its end");
        return verdict;
      }
      require(step.status == ChunkStatus::data || input.empty(), "input was left over");
    } while (!input.empty());
  }
  if (verdict.status == ChunkStatus::data) verdict.status = ChunkStatus::need_more;
  return verdict;
}

void check_trailers(std::string_view lines) {
  require(lines.size() <= limits::trailer_bytes_max, "trailers beyond their limit");
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    require(end != std::string_view::npos, "a trailer line without its end");
    const std::string_view line = lines.substr(0, end);
    const std::size_t colon = line.find(':');
    require(colon != std::string_view::npos && is_token(line.substr(0, colon)), "a trailer without a name");
    for (const char byte : line) require(is(byte, value_byte), "a control byte in a trailer");
    lines.remove_prefix(end + 2);
  }
}

/// The body as one chunk, without extensions.
void check_rewritten(const Verdict& verdict) {
  std::string digits;
  for (std::size_t rest = verdict.body.size(); rest != 0; rest /= 16)
    digits.insert(digits.begin(), "0123456789abcdef"[rest % 16]);
  const std::string chunk = verdict.body.empty() ? "" : digits + "\r\n" + verdict.body + "\r\n";
  const std::string plain = chunk + "0\r\n" + verdict.trailers + "\r\n";
  const Verdict again = read(plain, [&] { return plain.size(); });
  require(again == Verdict{ChunkStatus::complete, plain.size(), verdict.body, verdict.trailers},
          "rewritten it is another body");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Verdict whole = read(bytes, [&] { return bytes.size(); });
  require(read(bytes, [] { return std::size_t{1}; }) == whole, "byte by byte it is another body");
  Segments segments(bytes, 0);
  require(read(bytes, [&] { return std::max<std::size_t>(1, segments.next()); }) == whole,
          "cut it is another body");
  check_trailers(whole.trailers);
  if (whole.status == ChunkStatus::complete) check_rewritten(whole);
  return 0;
}
