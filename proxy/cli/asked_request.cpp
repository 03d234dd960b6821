#include "proxy/cli/asked_request.hpp"

#include "conf/diagnostic.hpp"

namespace postern::cli {

std::string AskedRequest::read(std::string_view method, std::string_view target, std::string_view host) {
  method_ = method;
  for (char& c : method_)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  raw_host_ = host;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    raw_host_ = target.substr(0, end);
    target.remove_prefix(end);
    if (target.empty()) target = "/";
  }
  if (!raw_host_.empty() && !policy::canonical_host(raw_host_, host_text_, host_))
    return quoted(raw_host_) + " is no host";
  const std::size_t question = target.find('?');
  if (question != std::string_view::npos) query_ = target.substr(question + 1);
  const std::string_view path = target.substr(0, question);
  asterisk_ = path == "*";
  if (asterisk_) {
    path_.text = "*";
    return {};
  }
  if (!path.starts_with('/')) return "a target begins with '/', or is http://host/path";
  error_ = policy::canonical_path(path, path_text_, path_);
  return {};
}

}  // namespace postern::cli
