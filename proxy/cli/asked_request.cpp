#include "proxy/cli/asked_request.hpp"

#include "conf/diagnostic.hpp"
#include "proxy/address.hpp"

namespace postern::cli {

std::string AskedRequest::read(std::string_view method, std::string_view target, std::string_view host) {
  method_ = method;
  target_ = target;
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
  raw_path_ = path;
  error_ = policy::canonical_path(raw_path_, path_text_, path_);
  return {};
}

std::string upper_case(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

void AskedRequest::keep_slashes(const policy::Policy& policy) {
  if (error_ == policy::TargetError::encoded_slash)
    error_ = policy.canonical_path(host_.name, method_, raw_path_, path_text_, path_);
}

void FactOptions::declare(Arguments& arguments) {
  arguments.value(
      "--header", "LINE",
      [this](const std::string& line) -> std::string {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos || colon == 0)
          return quoted(line) + " is no header; write 'Name: value'";
        const std::size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
        names_.push_back(line.substr(0, colon));
        values_.push_back(line.substr(value));
        return {};
      },
      "a header field of the request, 'Name: value'", true);
  arguments.value(
      "--client", "ADDRESS",
      [this](const std::string& text) -> std::string {
        const auto address = parse_address(text);
        if (!address) return quoted(text) + " is no address";
        client_ = *address;
        return {};
      },
      "the address the request comes from");
}

policy::ConditionInput FactOptions::input(std::string_view query) const {
  fields_.clear();
  for (std::size_t i = 0; i < names_.size(); ++i) fields_.push_back({names_[i], values_[i]});
  return {query, fields_, client_, false};
}

}  // namespace postern::cli
