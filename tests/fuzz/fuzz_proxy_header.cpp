// A PROXY header: however it is cut, it is read the same way, once, and within its bounds.

#include <cstdint>
#include <string_view>

#include "conf/limits.hpp"
#include "conf/result.hpp"
#include "proxy/proxy_protocol.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using State = ProxyHeader::Status;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ProxyHeader whole = read_proxy_header(bytes);
  POSTERN_CHECK(whole.size <= size && whole.size <= limits::proxy_header_bytes_max);
  POSTERN_CHECK((whole.size > 0) == (whole.status == State::complete));
  POSTERN_CHECK(whole.status == State::complete || !whole.announces);
  POSTERN_CHECK(whole.status != State::incomplete || size < limits::proxy_header_bytes_max);
  bool ended = false;
  for (std::size_t cut = 0; cut <= size && cut <= limits::proxy_header_bytes_max; ++cut) {
    const ProxyHeader part = read_proxy_header(bytes.substr(0, cut));
    if (ended) POSTERN_CHECK(part.status != State::incomplete);
    if (part.status == State::incomplete) continue;
    // What was decided on fewer bytes stays decided.
    POSTERN_CHECK(part.status == whole.status && part.size == whole.size && part.client == whole.client);
    POSTERN_CHECK(part.status != State::complete || part.size <= cut);
    ended = true;
  }
  return 0;
}
