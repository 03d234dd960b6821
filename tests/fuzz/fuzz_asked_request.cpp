// A request that asks about another one: whatever its fields say, what is then decided on lies within the
// head and has been read as a request line would have been.

#include <cstdint>
#include <memory>
#include <string>

#include "conf/result.hpp"
#include "proxy/asked_request.hpp"
#include "proxy/head_reader.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto head = std::make_unique<RequestHead>();
  for (const Decide decide : {Decide::x_original, Decide::x_forwarded, Decide::request}) {
    RequestReader reader;
    if (reader.feed(bytes, *head) != HeadStatus::complete) return 0;
    if (put_asked_request(decide, bytes.data(), *head)) continue;
    for (const Slice slice : {head->method, head->target, head->path, head->query, head->host})
      POSTERN_CHECK(slice.size == 0 || slice.begin + slice.size <= head->size);
    POSTERN_CHECK(is_token(head->method.of(bytes.data())) && head->target.size > 0);
    if (decide == Decide::request) continue;
    // The same words in a request line mean the same.
    const std::string line = std::string(head->method.of(bytes.data())) + ' ' +
                             std::string(head->target.of(bytes.data())) +
                             " HTTP/1.1\r\nHost: " + std::string(head->host.of(bytes.data())) + "\r\n\r\n";
    const auto again = std::make_unique<RequestHead>();
    RequestReader second;
    POSTERN_CHECK(second.feed(line, *again) == HeadStatus::complete);
    POSTERN_CHECK(again->form == head->form && again->path.of(line.data()) == head->path.of(bytes.data()) &&
                  again->query.of(line.data()) == head->query.of(bytes.data()));
  }
  return 0;
}
