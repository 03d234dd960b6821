#include "policy/resource_template.hpp"

#include <algorithm>

namespace postern::policy {

std::vector<ResourcePart> parse_resource(std::string_view text, const std::vector<std::string>& params,
                                         std::vector<Flaw>& flaws) {
  const auto flaw = [&flaws](std::size_t at, std::string message, std::string suggestion = {}) {
    flaws.push_back({at, std::move(message), std::move(suggestion)});
  };
  std::vector<ResourcePart> parts;
  if (text.empty()) flaw(0, "the resource is empty");
  if (text.size() > limits::resource_bytes_max) {
    flaw(0, "the resource is longer than " + std::to_string(limits::resource_bytes_max) + " bytes");
    return parts;
  }
  bool param_since_slash = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t brace = std::min(text.find_first_of("{}", at), text.size());
    if (brace > at) {
      const std::string_view literal = text.substr(at, brace - at);
      const auto control = std::find_if(literal.begin(), literal.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
      });
      if (control != literal.end()) {
        flaw(at + static_cast<std::size_t>(control - literal.begin()), "a control character in a resource");
      }
      if (literal.find('/') != std::string_view::npos) param_since_slash = false;
      parts.push_back({std::string(literal), -1});
      at = brace;
      continue;
    }
    const std::size_t close = text.find('}', at);
    if (text[at] == '}' || close == std::string_view::npos) {
      flaw(at, "a brace without its partner");
      return parts;
    }
    const std::string_view name = text.substr(at + 1, close - at - 1);
    const auto found = std::find(params.begin(), params.end(), name);
    if (found == params.end()) {
      flaw(at, "the path has no parameter " + quoted(name),
           did_you_mean(name, {params.begin(), params.end()}));
    } else if (param_since_slash) {
      flaw(at, "two parameters without a '/' between them could name one resource in two ways");
    } else {
      parts.push_back({{}, static_cast<int>(found - params.begin())});
    }
    param_since_slash = true;
    at = close + 1;
  }
  return parts;
}

std::optional<std::string_view> render_resource(const std::vector<ResourcePart>& parts,
                                                std::span<const std::string_view> params,
                                                std::span<char> out) noexcept {
  char buffer[3 * limits::resource_bytes_max];  // an escape is three bytes: nothing longer can fit decoded
  std::size_t size = 0;
  for (const ResourcePart& part : parts) {
    std::string_view piece = part.literal;
    if (part.param >= 0) {
      const std::string_view segment = params[static_cast<std::size_t>(part.param)];
      if (segment.size() > sizeof buffer) return std::nullopt;
      piece = decode_segment(segment, buffer);
    }
    if (piece.size() > out.size() - size) return std::nullopt;
    std::copy(piece.begin(), piece.end(), out.begin() + static_cast<std::ptrdiff_t>(size));
    size += piece.size();
  }
  return std::string_view(out.data(), size);
}

}  // namespace postern::policy
