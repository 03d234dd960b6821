#include "proxy/http_date.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace postern {
namespace {

constexpr std::string_view day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr UnixSeconds last_second = 253'402'300'799;  // of the year 9999: the format has four digits

void put_digits(char* at, unsigned value, std::size_t digits) noexcept {
  for (std::size_t i = digits; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

std::string_view HttpDate::at(UnixSeconds now) noexcept {
  now = std::clamp<UnixSeconds>(now, 0, last_second);
  if (now != second_) {
    using namespace std::chrono;
    const sys_seconds second{seconds{now}};
    const sys_days day = floor<std::chrono::days>(second);
    const year_month_day date{day};
    const hh_mm_ss time{second - day};
    std::memcpy(text_.data(), "Day, 00 Mon 0000 00:00:00 GMT", size);
    std::memcpy(text_.data(), day_names[weekday{day}.c_encoding()].data(), 3);
    put_digits(text_.data() + 5, unsigned{date.day()}, 2);
    std::memcpy(text_.data() + 8, month_names[unsigned{date.month()} - 1].data(), 3);
    put_digits(text_.data() + 12, static_cast<unsigned>(int{date.year()}), 4);
    put_digits(text_.data() + 17, static_cast<unsigned>(time.hours().count()), 2);
    put_digits(text_.data() + 20, static_cast<unsigned>(time.minutes().count()), 2);
    put_digits(text_.data() + 23, static_cast<unsigned>(time.seconds().count()), 2);
    second_ = now;
  }
  return {text_.data(), size};
}

}  // namespace postern
