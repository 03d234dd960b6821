// A line of an access log, which anybody may have written: read back for `policy replay` and `policy
// suggest`.

#include <algorithm>

#include "conf/result.hpp"
#include "proxy/cli/logged_request.hpp"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  cli::LoggedRequest request;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  if (!cli::read_logged(line, request).empty()) return 0;
  // What is printed on a terminal cannot command it.
  for (const std::string* text :
       {&request.method, &request.path, &request.rule, &request.reason, &request.subject})
    POSTERN_CHECK(std::none_of(text->begin(), text->end(), [](char c) { return c == '\x1b' || c == '\n'; }));
  POSTERN_CHECK(request.decided || !request.allowed);
  cli::AskedRequest asked;
  (void)asked.read(request.method, request.path, request.host);
  return 0;
}
