// The compiled policy: immutable, shared by all shards, swapped whole. Loading it is the only place where
// rules are understood; matching and deciding only look things up.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/credential_source.hpp"
#include "conf/diagnostic.hpp"
#include "conf/yaml.hpp"
#include "policy/condition.hpp"
#include "policy/policy_files.hpp"
#include "policy/subject.hpp"
#include "policy/target.hpp"

namespace postern::policy {

enum class RequirementKind : std::uint8_t {
  never = 0,  ///< `deny: true`
  anonymous,  ///< `allow: anonymous`
  authenticated,
  permission,
  role,
  group,
  license,
  application_license,
  client_certificate,
  owner,  ///< the subject's id is the value of a path parameter
  any_of,
  all_of,
  negation,  ///< `not`
};
[[nodiscard]] std::string_view to_string(RequirementKind kind) noexcept;

/// One piece of a resource template: literal text, or the value of a path parameter.
struct ResourcePart {
  std::string literal;
  int param = -1;  ///< index into the template's parameters, or -1 for a literal
};

/// A requirement as a tree that keeps its places. Children of `any_of`, `all_of`, `negation`.
struct Requirement {
  RequirementKind kind = RequirementKind::never;
  Place place;
  std::string id;            ///< of the permission, role, group or license, as written; the subject of a
                             ///< client_certificate, empty for any; the parameter of an owner
  std::uint32_t symbol = 0;  ///< index into Policy::symbols(); of an owner into Rule::params
  std::vector<Requirement> children;
};

/// A named thing that the policy demands, once however often it is written.
struct Symbol {
  EntityKind kind = EntityKind::permission;
  LicenseKind license_kind = LicenseKind::subject;  ///< which kind of license is meant
  std::string id;
  Place place;  ///< where it is first written
};

/// One segment of a path template.
struct TemplateSegment {
  enum class Kind : std::uint8_t { literal, param, rest } kind = Kind::literal;
  std::string text;  ///< canonical literal, or the parameter's name
};

enum class Mode : std::uint8_t { enforce = 0, shadow };

/// What becomes of the fields after a chunked body, in both directions.
enum class Trailers : std::uint8_t { drop = 0, pass };

/// How long a rule lets its requests wait, in milliseconds; 0: as the configuration says.
struct RuleTimeouts {
  std::uint32_t response = 0;  ///< the upstream may take to begin its answer
  std::uint32_t body = 0;      ///< a pause of either side in a body
  std::uint32_t idle = 0;      ///< an answer, a stream or a tunnel may be silent
};

/// One rule as written and as compiled. Lives as long as its Policy.
struct Rule {
  std::string id;  ///< as given, or "policy.yaml:12" ("policy.yaml:12:9" when two rules share a line)
  Place place;
  std::string host;  ///< exact name, "*.suffix", or empty for any
  std::string path;  ///< template as written
  std::vector<TemplateSegment> segments;
  std::vector<std::string> params;   ///< names in order of appearance
  std::vector<std::string> methods;  ///< upper case as written; empty = any
  std::vector<Place> method_places;
  Requirement requirement;
  std::vector<ResourcePart> resource;  ///< empty: none
  std::vector<Condition> conditions;
  Mode mode = Mode::enforce;
  Trailers trailers = Trailers::drop;
  std::uint32_t upstream = 0;                 ///< index into the names that compile() was given
  std::vector<CredentialSource> credentials;  ///< replace the configuration's; empty: those hold
  EncodedSlash encoded_slash = EncodedSlash::refuse;
  RuleTimeouts timeouts;
  std::optional<std::uint64_t> body_limit;       ///< bytes, 0 = unlimited; else the configuration's
  std::vector<UpstreamHeader> upstream_headers;  ///< set on requests to the upstream
  std::string answer_lines;  ///< Deprecation and Sunset, complete lines for answers; empty: none
};

/// What the catalog calls the policy's symbols: one handle per symbol, no_handle for what does not exist (any
/// more). Made per shard whenever policy or catalog change; belongs to exactly that pair.
struct Binding {
  std::vector<Handle> handles;
  /// Symbols that do not exist: their requirement is not met, behind `not` neither, and readiness warns.
  std::vector<std::uint32_t> missing;
};

/// The rule that governs a request, and the values of its parameters.
struct Match {
  const Rule* rule = nullptr;  ///< null: no rule
  /// Canonical segments, as many as rule->params.
  std::array<std::string_view, limits::path_params_max> params;
  /// The first of the rule's conditions that does not hold: whoever matches a rule with conditions asks
  /// first_failed().
  const Condition* failed = nullptr;
};

class Policy {
 public:
  Policy();
  ~Policy();
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;

  /// Compiles parsed files. Every mistake is added to `diagnostics`; null if there is one, of the parser's
  /// too. With a `catalog`, an unknown permission, role, group or license is a mistake too, with a
  /// suggestion. So is, with `upstreams`, one that is not among them, and a rule that names none where
  /// neither one is called "default" nor there is only one.
  [[nodiscard]] static std::unique_ptr<const Policy> compile(
      const PolicyFiles& files, const Catalog* catalog, Diagnostics& diagnostics,
      const std::vector<std::string>* upstreams = nullptr);
  /// The same of a single file, which can include no other.
  [[nodiscard]] static std::unique_ptr<const Policy> compile(
      const yaml::Document& document, const Catalog* catalog, Diagnostics& diagnostics,
      const std::vector<std::string>* upstreams = nullptr);

  /// The policy of `--dev`: every valid token may pass, nothing else. `upstream` as in Rule.
  [[nodiscard]] static std::unique_ptr<const Policy> any_authenticated(std::uint32_t upstream = 0);

  /// The most specific rule for host, path and method. Allocates nothing; its cost depends on the depth of
  /// the path, not on the number of rules. `host` is canonical (empty when there was none). `asterisk` asks
  /// for `OPTIONS *` (only a rule with path "*" matches it).
  [[nodiscard]] Match match(std::string_view host, const CanonicalPath& path,
                            std::string_view method) const noexcept;
  [[nodiscard]] Match match_asterisk(std::string_view host, std::string_view method) const noexcept;

  /// Whether a path with escaped slashes may be taken as it is: the rule that governs it says
  /// `encoded_slash: keep`, and so does the one that would govern it if the upstream took them for slashes,
  /// should there be one. So a rule that does not say so is never reached by an escaped slash, in no reading.
  [[nodiscard]] bool keeps_slashes(std::string_view host, const CanonicalPath& path,
                                   std::string_view method) const noexcept;
  /// canonical_path() as this policy has it: escaped slashes are kept where keeps_slashes() allows it, and
  /// refused everywhere else.
  [[nodiscard]] TargetError canonical_path(std::string_view host, std::string_view method,
                                           std::string_view raw, std::span<char> out,
                                           CanonicalPath& path) const noexcept;

  [[nodiscard]] Binding bind(const Catalog& catalog) const;

  [[nodiscard]] const std::vector<Rule>& rules() const noexcept;
  [[nodiscard]] const std::vector<Symbol>& symbols() const noexcept;
  /// The file that was named, and all of them, as Place::file counts.
  [[nodiscard]] const std::string& file() const noexcept { return files().front(); }
  [[nodiscard]] const std::vector<std::string>& files() const noexcept;
  /// "policy.yaml:12"
  [[nodiscard]] std::string where(Place place) const;
  /// Names of all headers that any rule sets: no client may send one of them on any path.
  [[nodiscard]] const std::vector<std::string>& upstream_header_names() const noexcept;
  /// Whether any rule names a host: then HTTP/1.0 without Host is refused (security.md).
  [[nodiscard]] bool has_host_rules() const noexcept;

 private:
  struct Compiled;
  static std::unique_ptr<const Policy> compile_views(const FileViews& files, const Catalog* catalog,
                                                     Diagnostics& diagnostics,
                                                     const std::vector<std::string>* upstreams);
  static void check_cost(const Compiled& compiled, Diagnostics& diagnostics);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace postern::policy
