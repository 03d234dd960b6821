#include "policy/rule_reader.hpp"

#include <algorithm>

#include "policy/path_template.hpp"
#include "policy/resource_template.hpp"
#include "policy/rule_keys.hpp"
#include "policy/rule_options.hpp"

namespace postern::policy {
namespace {

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Fit for a log field, a metric's label and a URL; never mistaken for a default one, which holds ':'.
bool is_rule_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= limits::entity_id_bytes_max && is_alphanumeric(id.front()) &&
         std::all_of(id.begin(), id.end(),
                     [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

/// RFC 9110 §5.6.2, without lower case: methods are case-sensitive, and all that exist are upper case.
bool is_method(std::string_view text) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= limits::method_bytes_max &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return (is_alphanumeric(c) && !(c >= 'a' && c <= 'z')) || marks.find(c) != std::string_view::npos;
         });
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

const std::vector<std::string_view>& common_methods() {
  static const std::vector<std::string_view> methods = {"GET",   "HEAD",   "POST",   "PUT",
                                                        "PATCH", "DELETE", "OPTIONS"};
  return methods;
}

bool demands_permission(const Requirement& requirement) noexcept {
  return requirement.kind == RequirementKind::permission ||
         std::any_of(requirement.children.begin(), requirement.children.end(), demands_permission);
}

/// The canonical form of a host pattern, or why it is none.
std::string canonical_pattern(std::string_view text, std::string& flaw) {
  const bool suffix = text.starts_with("*.");
  const std::string_view name = suffix ? text.substr(2) : text;
  char buffer[limits::host_bytes_max];
  CanonicalHost host;
  if (text == "*" || text.empty()) {
    flaw = "a rule for any host leaves \"host\" out";
  } else if (name.find('*') != std::string_view::npos) {
    flaw = "'*' can only be the first label of a host, as in '*.example.com'";
  } else if (!canonical_host(name, buffer, host) || (suffix && host.name.front() == '[')) {
    flaw = quoted(text) + " is no host name";
  } else if (name.find(':') != std::string_view::npos && !name.ends_with(']')) {
    flaw = "a host rule names no port; rules hold for every port";
  } else {
    return (suffix ? "*." : "") + std::string(host.name);
  }
  return {};
}

}  // namespace

/// A rule while it is read.
struct RuleReader::Draft {
  const yaml::Node& node;
  Rule rule;
  bool routable = true;         ///< host, path and methods are in order
  bool foreign_keys = false;    ///< what seems missing may be what was misspelt: do not complain twice
  bool requirement_ok = false;  ///< rule.requirement is read
};

void RuleReader::read_files(bool parsed) {
  for (file_ = 0; file_ < files_.size(); ++file_) {
    // What could not be read or parsed was told.
    if (!parsed && document().root.kind == yaml::Kind::null) continue;
    requirements_.enter(file_);
    read_file();
  }
  check_trailers();
}

Position RuleReader::at(Place place) const {
  return {files_[place.file].document->file, place.line, place.column};
}

Place RuleReader::place(const yaml::Node& node) const noexcept {
  Place place = place_of(node);
  place.file = file_;
  return place;
}

void RuleReader::read_file() {
  const yaml::Node& root = document().root;
  defaults_ = nullptr;
  if (root.kind != yaml::Kind::mapping) {
    diagnostics_.add(
        {document().file, std::max<std::size_t>(root.line, 1), std::max<std::size_t>(root.column, 1)},
        "a policy is a mapping with \"version\" and \"rules\"");
    return;
  }
  bool foreign_keys = false;
  for (const yaml::Entry& entry : root.entries) {
    foreign_keys = !check_key(document(), entry, {KeyUse::file}, diagnostics_) || foreign_keys;
  }
  read_version(root);
  read_defaults(root);
  if (const yaml::Node* named = root.find("requirements")) requirements_.read_named_requirements(*named);
  const yaml::Node* rules = root.find("rules");
  if (rules == nullptr) {
    if (!foreign_keys && root.find("include") == nullptr) add(root, "\"rules\" is missing");
    return;
  }
  if (rules->kind != yaml::Kind::sequence || rules->items.empty()) {
    add(*rules, "\"rules\" wants a list of at least one rule; without any, everything would be denied");
    return;
  }
  for (const yaml::Node& item : rules->items) {
    const bool given = defaults_ != nullptr && item.kind == yaml::Kind::mapping;
    read_rule(given ? with_defaults(item, *defaults_) : item);
  }
}

void RuleReader::read_defaults(const yaml::Node& root) {
  const yaml::Node* defaults = root.find("defaults");
  if (defaults == nullptr) return;
  if (defaults->kind != yaml::Kind::mapping) {
    add(*defaults, "\"defaults\" wants options of rules", "for example 'defaults: {mode: shadow}'");
    return;
  }
  // What is wrong with a value is told at every rule that gets it; what has no place here, once.
  bool sound = true;
  for (const yaml::Entry& entry : defaults->entries)
    sound = check_key(document(), entry, {KeyUse::option}, diagnostics_) && sound;
  if (sound) defaults_ = defaults;
}

/// A client could send in a trailer what a rule sets in the head, and an upstream may merge the two.
void RuleReader::check_trailers() {
  const auto sets = std::find_if(rules_.begin(), rules_.end(),
                                 [](const Rule& rule) { return !rule.upstream_headers.empty(); });
  if (sets == rules_.end()) return;
  for (const Rule& rule : rules_)
    if (rule.trailers == Trailers::pass)
      diagnostics_.add(at(rule.place),
                       "\"trailers: pass\" in a policy where a rule has \"upstream_headers\"; a client could "
                       "send them in a trailer");
}

void RuleReader::read_version(const yaml::Node& root) {
  const yaml::Node* version = root.find("version");
  if (version == nullptr) {
    add(root, "\"version\" is missing", "write 'version: 1'");
  } else if (version->kind != yaml::Kind::scalar || version->scalar != "1") {
    add(*version, "this postern reads version 1 of the policy language", "write 'version: 1'");
  }
}

void RuleReader::read_rule(const yaml::Node& node) {
  if (node.kind != yaml::Kind::mapping) {
    add(node, "a rule is a mapping with \"path\" and what it demands");
    return;
  }
  Draft draft{node, {}};
  draft.rule.place = place(node);
  for (const yaml::Entry& entry : node.entries) {
    const bool known =
        check_key(document(), entry, {KeyUse::rule, KeyUse::option, KeyUse::requirement}, diagnostics_);
    draft.foreign_keys = draft.foreign_keys || !known;
  }
  read_id(draft);
  read_host(draft);
  read_path(draft);
  read_methods(draft);
  read_mode(draft);
  read_trailers(draft);
  read_upstream(draft);
  read_credentials(draft);
  read_conditions(draft);
  read_requirement(draft);
  read_resource(draft);
  rules_.push_back(std::move(draft.rule));
  routable_.push_back(draft.routable);
}

void RuleReader::read_id(Draft& draft) {
  // "policy.yaml:12": the rule's name when none is given.
  draft.rule.id = std::string(files_[file_].name) + ":" + std::to_string(draft.node.line);
  const bool shares_line =
      !rules_.empty() && rules_.back().place.file == file_ && rules_.back().place.line == draft.node.line;
  if (shares_line) draft.rule.id += ":" + std::to_string(draft.node.column);
  const yaml::Node* id = draft.node.find("id");
  if (id == nullptr) return;
  if (id->kind != yaml::Kind::scalar || !is_rule_id(id->scalar)) {
    add(*id, "an id is letters, digits, '.', '_' and '-', a letter or digit first, at most " +
                 std::to_string(limits::entity_id_bytes_max) + " bytes");
    return;
  }
  const auto [known, fresh] = ids_.try_emplace(id->scalar, place(*id));
  if (!fresh) {
    add(*id, "the id " + quoted(id->scalar) + " is taken by the rule at " + at(known->second).file + ":" +
                 std::to_string(known->second.line));
  }
  draft.rule.id = id->scalar;
}

void RuleReader::read_host(Draft& draft) {
  const yaml::Node* host = draft.node.find("host");
  if (host == nullptr) return;
  std::string flaw;
  if (host->kind != yaml::Kind::scalar) {
    flaw = "\"host\" wants one name";
  } else {
    draft.rule.host = canonical_pattern(host->scalar, flaw);
  }
  if (flaw.empty()) return;
  draft.routable = false;
  add(*host, std::move(flaw), host->kind == yaml::Kind::sequence ? "write one rule for each host" : "");
}

void RuleReader::read_path(Draft& draft) {
  const yaml::Node* path = draft.node.find("path");
  if (path == nullptr || path->kind != yaml::Kind::scalar) {
    draft.routable = false;
    if (path != nullptr) add(*path, "\"path\" wants one template, for example /api/v1/orders/{order}");
    if (path == nullptr && !draft.foreign_keys) add(draft.node, "the rule has no \"path\"");
    return;
  }
  draft.rule.path = path->scalar;
  if (path->scalar == "*") return;  // the asterisk of `OPTIONS *`, no template
  std::vector<Flaw> flaws;
  PathTemplate parsed = parse_template(path->scalar, flaws);
  if (!flaws.empty()) draft.routable = false;
  add(*path, std::move(flaws));
  draft.rule.segments = std::move(parsed.segments);
  draft.rule.params = std::move(parsed.params);
}

void RuleReader::read_methods(Draft& draft) {
  const yaml::Node* methods = draft.node.find("methods");
  if (methods != nullptr) {
    if (methods->kind != yaml::Kind::sequence || methods->items.empty()) {
      draft.routable = false;
      add(*methods, "\"methods\" wants a list of at least one method",
          methods->kind == yaml::Kind::scalar ? "write '[" + upper(methods->scalar) + "]'"
                                              : "leave it out for every method");
      return;
    }
    for (const yaml::Node& method : methods->items) read_method(draft, method);
  }
  if (draft.rule.path == "*") limit_to_options(draft);
}

/// `OPTIONS *` is the only request of that form, so a rule without methods means it, too.
void RuleReader::limit_to_options(Draft& draft) {
  Rule& rule = draft.rule;
  if (rule.methods.empty()) {
    rule.methods.emplace_back("OPTIONS");
    rule.method_places.push_back(rule.place);
  }
  for (std::size_t i = 0; i < rule.methods.size(); ++i) {
    if (rule.methods[i] == "OPTIONS") continue;
    draft.routable = false;
    diagnostics_.add(at(rule.method_places[i]), "the path \"*\" exists for OPTIONS only",
                     "write '/**' for every path");
  }
}

void RuleReader::read_method(Draft& draft, const yaml::Node& node) {
  Rule& rule = draft.rule;
  const std::string& method = node.scalar;
  std::string flaw;
  std::string suggestion;
  if (node.kind != yaml::Kind::scalar) {
    flaw = "a method is one word";
  } else if (!is_method(method)) {
    flaw = quoted(method) + " is no method";
    if (is_method(upper(method))) suggestion = "did you mean " + quoted(upper(method)) + "?";
  } else if (method == "CONNECT" || method == "TRACE") {
    flaw = method + " is refused before any rule";
  } else if (std::find(rule.methods.begin(), rule.methods.end(), method) != rule.methods.end()) {
    flaw = "the method " + method + " is named twice";
  } else if (suggestion = did_you_mean(method, common_methods());
             !suggestion.empty() && nearest(method, common_methods()) != method) {
    // Other methods are welcome, but a slip of the finger would be a rule that never applies.
    flaw = "unknown method " + quoted(method);
  } else if (std::find(methods_.begin(), methods_.end(), method) == methods_.end()) {
    if (methods_.size() == limits::methods_max) {
      draft.routable = false;
      if (!methods_overflow_)
        add(node, "more than " + std::to_string(limits::methods_max) + " different methods");
      methods_overflow_ = true;
      return;
    }
    methods_.push_back(method);
  }
  if (!flaw.empty()) {
    draft.routable = false;
    add(node, std::move(flaw), std::move(suggestion));
    return;
  }
  rule.methods.push_back(method);
  rule.method_places.push_back(place(node));
}

void RuleReader::read_requirement(Draft& draft) {
  const yaml::Node& node = draft.node;
  const yaml::Node* allow = node.find("allow");
  const yaml::Node* deny = node.find("deny");
  const auto demand = std::find_if(node.entries.begin(), node.entries.end(), [](const yaml::Entry& entry) {
    return use_of(entry.key) == KeyUse::requirement;
  });
  std::optional<Requirement> demanded = requirements_.read_rule(node, draft.rule.params);

  if (allow != nullptr &&
      (allow->kind != yaml::Kind::scalar || (allow->scalar != "anonymous" && allow->scalar != "preflight"))) {
    add(*allow, "\"allow\" can only be anonymous or preflight",
        "for every valid token write 'authenticated: true'");
  }
  if (deny != nullptr && (deny->kind != yaml::Kind::scalar || deny->scalar != "true")) {
    add(*deny, "\"deny\" can only be true", "leave it out, or write what the rule demands");
  }
  if (allow != nullptr && deny != nullptr) {
    add(*deny, "\"deny\" beside \"allow\": a rule is open or closed, not both");
  }
  if ((allow != nullptr || deny != nullptr) && demand != node.entries.end()) {
    diagnostics_.add(document().at(*demand), quoted(demand->key) + " beside " +
                                                 (allow != nullptr ? "\"allow\"" : "\"deny\"") +
                                                 " would never be asked for");
  }
  if ((allow != nullptr || deny != nullptr) && draft.rule.mode == Mode::shadow &&
      draft.rule.conditions.empty()) {
    add(*node.find("mode"), "there is nothing to shadow in a rule that is always open or always closed");
  }

  Requirement& requirement = draft.rule.requirement;
  if (demanded) {
    requirement = std::move(*demanded);
    draft.requirement_ok = true;
  } else if (allow != nullptr || deny != nullptr) {
    requirement.kind = allow != nullptr ? RequirementKind::anonymous : RequirementKind::never;
    requirement.place = place(allow != nullptr ? *allow : *deny);
    draft.requirement_ok = demand == node.entries.end();
  } else if (demand == node.entries.end() && !draft.foreign_keys) {
    add(node, "the rule demands nothing",
        "write for example 'permission: shop.orders.read', 'allow: anonymous' or 'deny: true'");
  }
}

void RuleReader::read_resource(Draft& draft) {
  const yaml::Node* resource = draft.node.find("resource");
  if (resource == nullptr) return;
  if (resource->kind != yaml::Kind::scalar) {
    add(*resource, "\"resource\" wants one template, for example project/{project}");
    return;
  }
  // Of a path that is itself wrong, the parameters are not known.
  if (draft.routable) {
    std::vector<Flaw> flaws;
    draft.rule.resource = parse_resource(resource->scalar, draft.rule.params, flaws);
    add(*resource, std::move(flaws));
  }
  if (draft.requirement_ok && !demands_permission(draft.rule.requirement)) {
    add(*resource, "\"resource\" without a \"permission\": only a permission can be granted on a resource");
  }
}

void RuleReader::read_mode(Draft& draft) {
  const yaml::Node* mode = draft.node.find("mode");
  if (mode == nullptr) return;
  if (mode->kind == yaml::Kind::scalar && mode->scalar == "shadow") {
    draft.rule.mode = Mode::shadow;
  } else if (mode->kind != yaml::Kind::scalar || mode->scalar != "enforce") {
    add(*mode, "\"mode\" is enforce or shadow", did_you_mean(mode->scalar, {"enforce", "shadow"}));
  }
}

void RuleReader::read_trailers(Draft& draft) {
  const yaml::Node* trailers = draft.node.find("trailers");
  if (trailers == nullptr) return;
  if (trailers->kind == yaml::Kind::scalar && trailers->scalar == "pass") {
    draft.rule.trailers = Trailers::pass;
  } else if (trailers->kind != yaml::Kind::scalar || trailers->scalar != "drop") {
    add(*trailers, "\"trailers\" is drop or pass", did_you_mean(trailers->scalar, {"drop", "pass"}));
  }
}

void RuleReader::read_upstream(Draft& draft) {
  const yaml::Node* upstream = draft.node.find("upstream");
  if (upstream != nullptr && (upstream->kind != yaml::Kind::scalar || upstream->scalar.empty())) {
    add(*upstream, "\"upstream\" wants the name of one");
    return;
  }
  if (upstreams_ == nullptr) return;
  const std::vector<std::string>& known = *upstreams_;
  const std::string_view name = upstream != nullptr ? std::string_view(upstream->scalar) : default_upstream;
  const auto found = std::find(known.begin(), known.end(), name);
  if (found != known.end()) {
    draft.rule.upstream = static_cast<std::uint32_t>(found - known.begin());
  } else if (upstream != nullptr) {
    add(*upstream, "there is no upstream " + quoted(name), did_you_mean(name, {known.begin(), known.end()}));
  } else if (known.size() > 1 && !draft.foreign_keys) {
    add(draft.node, "the rule names no \"upstream\", and none of them is called \"default\"",
        "write for example 'upstream: " + known.front() + "'");
  }
}

void RuleReader::read_credentials(Draft& draft) {
  const yaml::Node* credentials = draft.node.find("credentials");
  if (credentials == nullptr) return;
  draft.rule.credentials = read_credential_sources(
      *credentials, [this](const yaml::Node& node, std::string message, std::string suggestion) {
        add(node, std::move(message), std::move(suggestion));
      });
}

void RuleReader::read_conditions(Draft& draft) {
  const TellMistake tell = [this](const yaml::Node& node, std::string message, std::string suggestion) {
    add(node, std::move(message), std::move(suggestion));
  };
  Rule& rule = draft.rule;
  rule.conditions = policy::read_conditions(draft.node, tell);
  for (Condition& condition : rule.conditions) condition.place.file = file_;
  read_options(draft.node, rule, tell);
  count_durations(draft);
  const yaml::Node* allow = draft.node.find("allow");
  if (allow == nullptr || allow->scalar != "preflight") return;
  // A browser asks before it sends (Fetch §4.8), and never with a credential: only that question may pass.
  if (rule.methods.empty()) {
    rule.methods.emplace_back("OPTIONS");
    rule.method_places.push_back(place(*allow));
  } else if (rule.methods != std::vector<std::string>{"OPTIONS"}) {
    add(*allow, "a preflight is an OPTIONS request", "leave \"methods\" out");
  }
  for (const char* field : {"origin", "access-control-request-method"})
    rule.conditions.push_back(
        {Condition::On::header, Condition::Test::present, place(*allow), field, {}, {}});
}

void RuleReader::count_durations(const Draft& draft) {
  const RuleTimeouts& own = draft.rule.timeouts;
  for (const std::uint32_t duration : {own.response, own.body, own.idle}) {
    if (duration == 0 || std::find(durations_.begin(), durations_.end(), duration) != durations_.end())
      continue;
    durations_.push_back(duration);
    if (durations_.size() == limits::rule_durations_max + 1)
      add(*draft.node.find("timeouts"),
          "the rules have more than " + std::to_string(limits::rule_durations_max) + " different timeouts",
          "let some of them be equal");
  }
}

std::vector<const Rule*> RuleReader::routable() const {
  std::vector<const Rule*> rules;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (routable_[i]) rules.push_back(&rules_[i]);
  }
  return rules;
}

void RuleReader::add(const yaml::Node& node, std::string message, std::string suggestion) {
  diagnostics_.add(document().at(node), std::move(message), std::move(suggestion));
}

/// Points into the scalar. With escapes or line folds before the flaw the column is off; the line is not.
void RuleReader::add(const yaml::Node& scalar, std::vector<Flaw> flaws) {
  for (Flaw& flaw : flaws) {
    Position at = document().at(scalar);
    at.column += flaw.offset + (scalar.quoted ? 1 : 0);
    diagnostics_.add(std::move(at), std::move(flaw.message), std::move(flaw.suggestion));
  }
}

}  // namespace postern::policy
