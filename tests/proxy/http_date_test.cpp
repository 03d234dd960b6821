#include "proxy/http_date.hpp"

#include <doctest/doctest.h>

namespace postern {

TEST_CASE("a date of HTTP") {
  struct Row {
    UnixSeconds second;
    std::string_view text;
  };
  constexpr Row rows[] = {
      {784'111'777, "Sun, 06 Nov 1994 08:49:37 GMT"},  // the example of RFC 9110 §5.6.7
      {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {951'782'400, "Tue, 29 Feb 2000 00:00:00 GMT"},
      {1'767'225'599, "Wed, 31 Dec 2025 23:59:59 GMT"},
      {4'102'444'800, "Fri, 01 Jan 2100 00:00:00 GMT"},
      {-1, "Thu, 01 Jan 1970 00:00:00 GMT"},               // a clock that is off
      {400'000'000'000, "Fri, 31 Dec 9999 23:59:59 GMT"},  // the format has four digits
  };
  HttpDate date;
  for (const Row& row : rows) {
    CAPTURE(row.second);
    CHECK(date.at(row.second) == row.text);
    CHECK(date.at(row.second) == row.text);
  }
  // A clock that was set back is followed.
  CHECK(date.at(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace postern
