// The `path` of a rule: literal segments, `{param}`, and a last `**`.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/flaw.hpp"
#include "policy/policy.hpp"

namespace postern::policy {

struct PathTemplate {
  std::vector<TemplateSegment>
      segments;                     ///< literals in canonical form; a trailing `/` is an empty last literal
  std::vector<std::string> params;  ///< in order of appearance
};

/// Reads a template as written. Each mistake is appended to `flaws`; what is returned is only good when there
/// was none. A literal that no request could match (`//`, a dot segment, `%2f`) is a mistake, not a rule that
/// never applies.
[[nodiscard]] PathTemplate parse_template(std::string_view text, std::vector<Flaw>& flaws);

/// The canonical form of one literal segment without slashes, or the reason why no request could have it.
[[nodiscard]] TargetError canonical_literal(std::string_view text, std::string& canonical);

/// `text` with every byte escaped that a path may not hold raw: what was probably meant by `caf\xC3\xA9`.
[[nodiscard]] std::string escaped_literal(std::string_view text);

/// The text that a literal is compared by: decoded, since most upstreams route on the decoded segment. A rule
/// for
/// `/files/@admin` must not be passed by with `/files/%40admin`. Decoding is safe here: a canonical segment
/// holds no escaped slash, no escaped control and nothing that decodes a second time.
[[nodiscard]] std::string decoded_literal(const TemplateSegment& literal);

}  // namespace postern::policy
