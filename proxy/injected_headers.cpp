#include "proxy/injected_headers.hpp"

#include <algorithm>

#include "proxy/header_rules.hpp"

namespace postern {

InjectedHeaders::InjectedHeaders(const std::vector<UpstreamHeader>& headers) {
  for (const UpstreamHeader& header : headers) {
    lines_ += header.name + ": " + header.value + "\r\n";
    std::string& folded = folded_names_.emplace_back(header.name);
    std::transform(folded.begin(), folded.end(), folded.begin(), fold_name_byte);
  }
}

bool InjectedHeaders::covers(std::string_view name) const noexcept {
  return std::any_of(folded_names_.begin(), folded_names_.end(),
                     [name](const std::string& folded) { return is_alias_of(name, folded); });
}

}  // namespace postern
