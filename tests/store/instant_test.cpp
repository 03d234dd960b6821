// Points in time as people write them.

#include "store/instant.hpp"

#include <doctest/doctest.h>

namespace postern::store {
namespace {

TEST_CASE("a point in time is read as RFC 3339 writes it") {
  struct Row {
    const char* text;
    UnixSeconds instant;
  };
  for (const Row& row : {
           Row{"1970-01-01", 0},
           Row{"2026-12-31", 1'798'675'200},
           Row{"2026-12-31T12:00:00Z", 1'798'718'400},
           Row{"2026-12-31t12:00:00z", 1'798'718'400},
           Row{"2026-12-31T14:30:00+02:30", 1'798'718'400},
           Row{"2026-12-31T07:00:00-05:00", 1'798'718'400},
           Row{"2028-02-29", 1'835'395'200},
           Row{"9999-12-31T23:59:59Z", 253'402'300'799},
       }) {
    CAPTURE(row.text);
    const auto instant = parse_instant(row.text);
    REQUIRE(instant);
    CHECK(*instant == row.instant);
  }
}

TEST_CASE("what is no point in time, or could be taken for two, is refused") {
  for (const char* text : {"",
                           "2026",
                           "2026-12",
                           "2026-1-1",
                           "26-12-31",
                           "2026-13-01",
                           "2026-00-01",
                           "2026-02-29",
                           "2026-02-30",
                           "2026-12-32",
                           "2026-12-31 12:00:00Z",
                           "2026-12-31T",
                           "2026-12-31T12:00Z",
                           "2026-12-31T12:00:00",
                           "2026-12-31T12:00:00.5Z",
                           "2026-12-31T24:00:00Z",
                           "2026-12-31T23:60:00Z",
                           "2026-12-31T23:59:60Z",
                           "2026-12-31T12:00:00+0200",
                           "2026-12-31T12:00:00+24:00",
                           "2026-12-31T12:00:00Zx",
                           "1969-12-31",
                           "1970-01-01T00:00:00+00:01",
                           "9999-12-31T23:59:59-00:01",
                           "+2026-12-31",
                           "2026-12-31\n",
                           "90d",
                           "never",
                           "1798675200"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_instant(text));
  }
}

TEST_CASE("what is written is read back") {
  for (const UnixSeconds instant : {UnixSeconds{0}, UnixSeconds{1}, UnixSeconds{86'399},
                                    UnixSeconds{951'827'696}, UnixSeconds{253'402'300'799}}) {
    CAPTURE(instant);
    CHECK(parse_instant(format_instant(instant)) == instant);
  }
  CHECK(format_instant(1'798'718'400) == "2026-12-31T12:00:00Z");
}

TEST_CASE("beyond what can be written, the nearest that can") {
  CHECK(format_instant(-1) == "1970-01-01T00:00:00Z");
  CHECK(format_instant(253'402'300'800) == "9999-12-31T23:59:59Z");
}

}  // namespace
}  // namespace postern::store
