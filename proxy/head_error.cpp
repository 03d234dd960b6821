#include "proxy/head_error.hpp"

namespace postern {

std::string_view to_string(HeadError error) noexcept {
  switch (error) {
    case HeadError::none:
      return "none";
    case HeadError::bad_request_line:
      return "bad_request_line";
    case HeadError::bad_method:
      return "bad_method";
    case HeadError::bad_target:
      return "bad_target";
    case HeadError::bad_version:
      return "bad_version";
    case HeadError::unsupported_version:
      return "unsupported_version";
    case HeadError::bad_line_end:
      return "bad_line_end";
    case HeadError::bad_field_name:
      return "bad_field_name";
    case HeadError::bad_field_value:
      return "bad_field_value";
    case HeadError::folded_field:
      return "folded_field";
    case HeadError::bad_host:
      return "bad_host";
    case HeadError::missing_host:
      return "missing_host";
    case HeadError::bad_content_length:
      return "bad_content_length";
    case HeadError::bad_transfer_encoding:
      return "bad_transfer_encoding";
    case HeadError::unsupported_transfer_encoding:
      return "unsupported_transfer_encoding";
    case HeadError::length_and_coding:
      return "length_and_coding";
    case HeadError::coding_in_http10:
      return "coding_in_http10";
    case HeadError::bad_connection:
      return "bad_connection";
    case HeadError::bad_expect:
      return "bad_expect";
    case HeadError::bad_status_line:
      return "bad_status_line";
    case HeadError::target_too_long:
      return "target_too_long";
    case HeadError::head_too_long:
      return "head_too_long";
    case HeadError::too_many_fields:
      return "too_many_fields";
  }
  return "none";
}

int status_of(HeadError error) noexcept {
  switch (error) {
    case HeadError::target_too_long:
      return 414;
    case HeadError::bad_expect:
      return 417;
    case HeadError::head_too_long:
    case HeadError::too_many_fields:
      return 431;
    case HeadError::unsupported_transfer_encoding:
      return 501;
    case HeadError::unsupported_version:
      return 505;
    default:
      return 400;
  }
}

}  // namespace postern
