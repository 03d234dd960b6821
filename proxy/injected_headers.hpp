// What every request to an upstream carries besides: its own credential, ready to be copied into a head.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conf/config.hpp"

namespace postern {

class InjectedHeaders {
 public:
  InjectedHeaders() = default;
  /// Names and values as conf/upstream_headers.hpp let them pass.
  explicit InjectedHeaders(const std::vector<UpstreamHeader>& headers);

  [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
  /// Complete lines with CRLF.
  [[nodiscard]] std::string_view lines() const noexcept { return lines_; }
  /// Whether the upstream might take a client's field of this name for one of these: in any case, and every
  /// byte that is neither letter nor digit taken for '-'.
  [[nodiscard]] bool covers(std::string_view name) const noexcept;

 private:
  std::string lines_;
  std::vector<std::string> folded_names_;
};

}  // namespace postern
