#include "policy/path_template.hpp"

#include <algorithm>

namespace postern::policy {
namespace {

bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

/// Why a literal could never match, in the operator's words.
std::string explain(TargetError error) {
  switch (error) {
    case TargetError::bad_byte:
      return "holds a byte that no path may hold; write it as an escape";
    case TargetError::bad_escape:
      return "holds a '%' without two hex digits";
    case TargetError::bad_utf8:
      return "is not valid UTF-8 when decoded";
    case TargetError::encoded_control:
      return "holds a control character";
    case TargetError::encoded_slash:
      return "holds an escaped slash or a backslash";
    case TargetError::dot_segment:
      return "is a dot segment";
    case TargetError::parameter:
      return "holds ';'";
    case TargetError::double_escape:
      return "would decode a second time";
    case TargetError::segment_end:
      return "ends in '.' or a space";
    case TargetError::fragment:
      return "holds '#'";
    case TargetError::none:
    case TargetError::empty:
    case TargetError::too_long:
    case TargetError::too_deep:
    case TargetError::empty_segment:
      break;
  }
  return "is refused in a request";
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<Flaw>& flaws) : text_(text), flaws_(flaws) {}

  PathTemplate parse() {
    if (text_.empty() || text_.front() != '/') {
      flaw(0, "a path starts with '/'",
           text_.empty() ? "" : "did you mean " + quoted("/" + std::string(text_)) + "?");
      return {};
    }
    if (text_.size() > limits::target_bytes_max) {
      flaw(0, "the path is longer than any request may be (" + std::to_string(limits::target_bytes_max) +
                  " bytes)");
      return {};
    }
    std::size_t begin = 1;
    while (begin <= text_.size()) {
      const std::size_t end = std::min(text_.find('/', begin), text_.size());
      segment(text_.substr(begin, end - begin), begin, end == text_.size());
      begin = end + 1;
    }
    if (template_.segments.size() > limits::path_segments_max) {
      flaw(0, "the path has more than " + std::to_string(limits::path_segments_max) + " segments");
    }
    return std::move(template_);
  }

 private:
  void segment(std::string_view text, std::size_t at, bool last) {
    if (text == "**") {
      if (!last) flaw(at, "'**' stands for all the rest and can only be the last segment");
      template_.segments.push_back({TemplateSegment::Kind::rest, {}});
    } else if (text.find_first_of("{}") != std::string_view::npos) {
      param(text, at);
    } else {
      literal(text, at, last);
    }
  }

  void param(std::string_view text, std::size_t at) {
    const bool whole = text.size() >= 2 && text.front() == '{' && text.back() == '}';
    const std::string_view name = whole ? text.substr(1, text.size() - 2) : std::string_view{};
    if (!is_name(name)) {
      flaw(at, "a parameter is a whole segment, '{name}' of letters, digits and '_', not " + quoted(text));
      return;
    }
    std::vector<std::string>& params = template_.params;
    if (std::find(params.begin(), params.end(), name) != params.end()) {
      flaw(at, "the parameter " + quoted(name) + " is named twice");
      return;
    }
    if (params.size() == limits::path_params_max) {
      flaw(at, "more than " + std::to_string(limits::path_params_max) + " parameters");
      return;
    }
    params.emplace_back(name);
    template_.segments.push_back({TemplateSegment::Kind::param, std::string(name)});
  }

  void literal(std::string_view text, std::size_t at, bool last) {
    if (text.empty() && !last) {
      flaw(at, "an empty segment ('//') is refused in a request, so this rule would never apply");
      return;
    }
    // Both are legal bytes, but in a rule they are nearly always another router's wild card. Whoever means
    // the byte writes `%2A` or `%3A`: literals are compared decoded.
    if (text.find('*') != std::string_view::npos) {
      flaw(at, "'*' is no wild card inside a path",
           "write '{name}' for one segment, '/**' at the end for the rest");
      return;
    }
    if (text.size() > 1 && text.front() == ':' && is_letter(text[1])) {
      flaw(at, quoted(text) + " is no parameter here",
           "did you mean " + quoted("{" + std::string(text.substr(1)) + "}") + "?");
      return;
    }
    if (text.find('?') != std::string_view::npos) {
      flaw(at + text.find('?'), "a path rule never sees the query");
      return;
    }
    std::string canonical;
    if (const TargetError error = canonical_literal(text, canonical); error != TargetError::none) {
      std::string suggestion;
      if (std::string twin = escaped_literal(text); error == TargetError::bad_byte && twin != text) {
        suggestion = "did you mean " + quoted(twin) + "?";
      }
      flaw(at, "the segment " + quoted(text) + " " + explain(error) + ", so this rule would never apply",
           std::move(suggestion));
      return;
    }
    template_.segments.push_back({TemplateSegment::Kind::literal, std::move(canonical)});
  }

  void flaw(std::size_t at, std::string message, std::string suggestion = {}) {
    flaws_.push_back({at, std::move(message), std::move(suggestion)});
  }

  std::string_view text_;
  std::vector<Flaw>& flaws_;
  PathTemplate template_;
};

}  // namespace

std::string escaped_literal(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  static constexpr std::string_view plain = "-._~!$&'()*+,=:@%";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_letter(c) || (c >= '0' && c <= '9') || plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

TargetError canonical_literal(std::string_view text, std::string& canonical) {
  std::string buffer(text.size() + 1, '\0');
  CanonicalPath path;
  const TargetError error = canonical_path("/" + std::string(text), buffer, path);
  if (error == TargetError::none) canonical = path.segment(0);
  return error;
}

PathTemplate parse_template(std::string_view text, std::vector<Flaw>& flaws) {
  return Parser(text, flaws).parse();
}

std::string decoded_literal(const TemplateSegment& literal) {
  std::string out(literal.text.size(), '\0');
  out.resize(decode_segment(literal.text, out).size());
  return out;
}

}  // namespace postern::policy
