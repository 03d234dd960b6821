#include "proxy/cli/policy_cases.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "conf/limits.hpp"
#include "proxy/address.hpp"
#include "proxy/cli/assignment_options.hpp"

namespace postern::cli {
namespace {

using Names = std::vector<std::string_view>;

/// Every word that `reason` may be.
Names reasons() {
  Names words;
  for (int i = 0; i <= static_cast<int>(policy::Reason::condition_not_met); ++i)
    words.push_back(policy::to_string(static_cast<policy::Reason>(i)));
  for (int i = 1; i <= static_cast<int>(policy::TargetError::fragment); ++i)
    words.push_back(policy::to_string(static_cast<policy::TargetError>(i)));
  return words;
}

/// Walks one file. Each read_* fills what it can and tells what it cannot.
class CaseReader {
 public:
  CaseReader(const yaml::Document& document, const AskedPolicy& policy, const PolicySource& source,
             Diagnostics& diagnostics)
      : document_(document), policy_(policy), source_(source), diagnostics_(diagnostics) {
    for (const policy::Rule& rule : policy.policy().rules()) rules_.push_back(rule.id);
    std::sort(rules_.begin(), rules_.end());
  }

  std::vector<PolicyCase> read() {
    const yaml::Node& root = document_.root;
    if (!is_mapping(root, {"version", "subjects", "cases"}, "start with \"version: 1\" and \"cases\""))
      return {};
    const yaml::Node* version = root.find("version");
    if (version == nullptr)
      mistake(root, "\"version\" is missing", "start with \"version: 1\"");
    else if (version->scalar != "1")
      mistake(*version, "only version 1 is supported");
    if (const yaml::Node* subjects = root.find("subjects")) read_subjects(*subjects);
    const yaml::Node* cases = root.find("cases");
    if (cases == nullptr || cases->kind != yaml::Kind::sequence || cases->items.empty()) {
      mistake(cases == nullptr ? root : *cases, "\"cases\" wants a list of at least one case");
      return {};
    }
    for (const yaml::Node& item : cases->items) read_case(item);
    return std::move(cases_);
  }

 private:
  // --- places and shapes ---

  void mistake(const yaml::Node& node, std::string message, std::string suggestion = {}) {
    diagnostics_.add(document_.at(node), std::move(message), std::move(suggestion));
  }

  /// Whether it is a mapping; its unknown keys are mistakes, but do not make it unreadable.
  bool is_mapping(const yaml::Node& node, const Names& keys, std::string suggestion) {
    if (node.kind != yaml::Kind::mapping) {
      mistake(node, "expected a mapping", std::move(suggestion));
      return false;
    }
    for (const yaml::Entry& entry : node.entries)
      if (std::find(keys.begin(), keys.end(), entry.key) == keys.end())
        diagnostics_.add(document_.at(entry), "unknown key " + quoted(entry.key),
                         did_you_mean(entry.key, keys));
    return true;
  }

  /// The text under `key`; null when there is none or it is something else, which is a mistake.
  const yaml::Node* text(const yaml::Node& node, std::string_view key) {
    const yaml::Node* value = node.find(key);
    if (value == nullptr || (value->kind == yaml::Kind::scalar && !value->scalar.empty())) return value;
    mistake(*value, quoted(key) + " wants a text");
    return nullptr;
  }

  // --- who asks ---

  void read_subjects(const yaml::Node& subjects) {
    if (subjects.kind != yaml::Kind::mapping)
      return mistake(subjects, "\"subjects\" wants names and what each holds",
                     "for example 'subjects: {reader: {roles: [shop.reader]}}'");
    for (const yaml::Entry& entry : subjects.entries) {
      if (entry.key == "anonymous" || entry.key == "unusable")
        diagnostics_.add(document_.at(entry),
                         quoted(entry.key) + " is the name of those without a valid token");
      else
        subjects_[entry.key] = read_subject(entry.value, entry.key);
    }
  }

  /// Null when it is wrong.
  std::shared_ptr<const CaseSubject> read_subject(const yaml::Node& node, std::string name) {
    if (!is_mapping(node,
                    {"id", "name", "token", "user", "roles", "permissions", "groups", "licenses", "grants",
                     "certificate"},
                    "for example '{roles: [shop.reader]}'"))
      return nullptr;
    auto subject = std::make_shared<CaseSubject>();
    subject->name = std::move(name);
    const yaml::Node* token = text(node, "token");
    const yaml::Node* user = text(node, "user");
    const yaml::Node* certificate = text(node, "certificate");
    const std::size_t others = node.entries.size() - (node.find("certificate") != nullptr ? 1 : 0);
    if ((token != nullptr || user != nullptr) && others > 1) {
      mistake(node, "a token or user of the store holds what the store says, and nothing beside it");
      return nullptr;
    }
    if (token != nullptr || user != nullptr) {
      if (!read_stored(token != nullptr ? *token : *user, token != nullptr, subject->asked)) return nullptr;
    } else if (others > 0) {
      read_rights(node, subject->asked);
    } else {
      subject->asked.holdings.type = policy::SubjectType::anonymous;
      if (certificate == nullptr)
        mistake(node, "this says nothing of a subject", "without a token it is 'anonymous'");
    }
    if (certificate != nullptr) subject->asked.holdings.certificate = certificate->scalar;
    return subject;
  }

  bool read_stored(const yaml::Node& id, bool token, AskedSubject& asked) {
    if (source_.store() == nullptr) {
      mistake(id, "it cannot be looked up: " + source_.why_no_store());
      return false;
    }
    auto found = token ? ask_token(*source_.store(), id.scalar) : ask_user(*source_.store(), id.scalar);
    if (!found) {
      mistake(id, found.error().message);
      return false;
    }
    asked = std::move(*found);
    if (asked.credential == policy::Credential::valid) return true;
    asked.holdings = {};
    asked.holdings.type = policy::SubjectType::anonymous;
    return true;
  }

  void read_rights(const yaml::Node& node, AskedSubject& asked) {
    using policy::EntityKind;
    policy::Holdings& holdings = asked.holdings;
    asked.credential = policy::Credential::valid;
    const yaml::Node* id = text(node, "id");
    holdings.id = holdings.token_id = id != nullptr ? id->scalar : "example";
    if (const yaml::Node* name = text(node, "name")) holdings.name = name->scalar;
    read_ids(node, "roles", EntityKind::role, holdings.roles);
    read_ids(node, "permissions", EntityKind::permission, holdings.permissions);
    read_ids(node, "groups", EntityKind::group, holdings.groups);
    read_ids(node, "licenses", EntityKind::license, holdings.licenses);
    for (const yaml::Node* item : items(node, "grants")) {
      const auto grant = grant_of(item->scalar);
      if (!grant)
        mistake(*item, quoted(item->scalar) + " is no grant",
                "write permission=resource: \"project.read=project/42\"");
      else if (is_known(*item, EntityKind::permission, grant->permission))
        holdings.grants.push_back({grant->permission, grant->resource});
    }
  }

  /// The texts of a list.
  std::vector<const yaml::Node*> items(const yaml::Node& node, std::string_view key) {
    std::vector<const yaml::Node*> texts;
    const yaml::Node* list = node.find(key);
    if (list == nullptr) return texts;
    if (list->kind != yaml::Kind::sequence) {
      mistake(*list, quoted(key) + " wants a list");
      return texts;
    }
    for (const yaml::Node& item : list->items) {
      if (item.kind == yaml::Kind::scalar)
        texts.push_back(&item);
      else
        mistake(item, "expected a text");
    }
    return texts;
  }

  void read_ids(const yaml::Node& node, std::string_view key, policy::EntityKind kind,
                std::vector<std::string>& ids) {
    for (const yaml::Node* item : items(node, key))
      if (is_known(*item, kind, item->scalar)) ids.push_back(item->scalar);
  }

  bool is_known(const yaml::Node& node, policy::EntityKind kind, const std::string& id) {
    if (policy_.names().handle(kind, id) != no_handle) return true;
    const std::string near = did_you_mean(id, policy_.names().ids(kind));
    mistake(node, "there is no " + std::string(to_string(kind)) + ' ' + quoted(id),
            !near.empty() || source_.has_names() ? near : "name a catalog that has it with --catalog");
    return false;
  }

  /// `as`: a name, a list of names, or a subject written out. Empty when it is wrong.
  std::vector<std::shared_ptr<const CaseSubject>> read_as(const yaml::Node& node) {
    if (node.kind == yaml::Kind::mapping) {
      auto subject = read_subject(node, "the one written out");
      if (subject == nullptr) return {};
      return {std::move(subject)};
    }
    std::vector<std::shared_ptr<const CaseSubject>> found;
    if (node.kind == yaml::Kind::scalar) {
      add_named(node, found);
    } else if (node.kind == yaml::Kind::sequence && !node.items.empty()) {
      for (const yaml::Node& item : node.items) add_named(item, found);
    } else {
      mistake(node, "\"as\" wants a subject's name, a list of names, or what the subject holds");
    }
    return found;
  }

  void add_named(const yaml::Node& node, std::vector<std::shared_ptr<const CaseSubject>>& found) {
    if (node.scalar == "anonymous" || node.scalar == "unusable") {
      auto subject = std::make_shared<CaseSubject>();
      subject->name = node.scalar;
      subject->asked.holdings.type = policy::SubjectType::anonymous;
      if (node.scalar == "unusable") subject->asked.credential = policy::Credential::unusable;
      found.push_back(std::move(subject));
      return;
    }
    const auto named = subjects_.find(node.scalar);
    if (named != subjects_.end()) {
      if (named->second != nullptr) found.push_back(named->second);
      return;
    }
    Names known = {"anonymous", "unusable"};
    for (const auto& [name, subject] : subjects_) known.push_back(name);
    mistake(node, "no subject is called " + quoted(node.scalar), did_you_mean(node.scalar, known));
  }

  // --- what is asked ---

  /// Null when it is wrong.
  std::shared_ptr<const CaseRequest> read_request(const yaml::Node& node) {
    std::string method, target, host;
    auto request = std::make_shared<CaseRequest>();
    const yaml::Node* place = &node;
    if (node.kind == yaml::Kind::scalar) {
      const std::size_t blank = node.scalar.find(' ');
      if (blank == std::string::npos) {
        mistake(node, "a request is a method and a target", "for example 'GET /orders/17'");
        return nullptr;
      }
      method = node.scalar.substr(0, blank);
      target = node.scalar.substr(blank + 1);
    } else {
      if (!is_mapping(node, {"method", "target", "host", "headers", "client"},
                      "for example 'GET /orders/17'"))
        return nullptr;
      read_facts(node, *request);
      const yaml::Node* given_method = text(node, "method");
      const yaml::Node* given_target = text(node, "target");
      if (given_method == nullptr || given_target == nullptr) {
        if (node.find("method") == nullptr || node.find("target") == nullptr)
          mistake(node, "\"method\" and \"target\" are needed");
        return nullptr;
      }
      method = given_method->scalar;
      target = given_target->scalar;
      place = given_target;
      if (const yaml::Node* given = text(node, "host")) host = given->scalar;
    }
    if (std::string flaw = request->asked.read(upper_case(std::string(method)), target, host);
        !flaw.empty()) {
      mistake(*place, std::move(flaw));
      return nullptr;
    }
    request->asked.keep_slashes(policy_.policy());
    return request;
  }

  void read_facts(const yaml::Node& node, CaseRequest& request) {
    if (const yaml::Node* client = text(node, "client")) {
      const auto address = parse_address(client->scalar);
      if (address)
        request.client = *address;
      else
        mistake(*client, quoted(client->scalar) + " is no address");
    }
    const yaml::Node* headers = node.find("headers");
    if (headers == nullptr) return;
    if (headers->kind != yaml::Kind::mapping)
      return mistake(*headers, "\"headers\" wants names and values", "for example 'headers: {X-Env: prod}'");
    for (const yaml::Entry& entry : headers->entries) {
      const yaml::Node& value = entry.value;
      if (value.kind == yaml::Kind::scalar)
        request.headers.emplace_back(entry.key, value.scalar);
      else if (value.kind == yaml::Kind::sequence)
        for (const yaml::Node* item : items(*headers, entry.key))
          request.headers.emplace_back(entry.key, item->scalar);
      else
        mistake(value, quoted(entry.key) + " wants a value, or a list of them");
    }
  }

  // --- what is expected ---

  void read_expectation(const yaml::Node& node, Expectation& expected) {
    const yaml::Node* outcome = text(node, "expect");
    if (outcome == nullptr) {
      if (node.find("expect") == nullptr) mistake(node, "\"expect\" is missing: allow, deny or shadow");
    } else if (outcome->scalar == "allow") {
      expected.outcome = Outcome::allow;
    } else if (outcome->scalar == "shadow") {
      expected.outcome = Outcome::shadow;
    } else if (outcome->scalar != "deny") {
      mistake(*outcome, "\"expect\" is allow, deny or shadow",
              did_you_mean(outcome->scalar, {"allow", "deny", "shadow"}));
    }
    if (const yaml::Node* reason = text(node, "reason")) {
      const Names known = reasons();
      if (std::find(known.begin(), known.end(), reason->scalar) == known.end())
        mistake(*reason, "there is no reason " + quoted(reason->scalar), did_you_mean(reason->scalar, known));
      expected.reason = reason->scalar;
    }
    if (const yaml::Node* rule = text(node, "rule")) read_rule(*rule, expected);
    if (const yaml::Node* status = text(node, "status")) {
      int code = 0;
      const char* end = status->scalar.data() + status->scalar.size();
      const auto read = std::from_chars(status->scalar.data(), end, code);
      if (read.ec != std::errc() || read.ptr != end || code < 400 || code > 599)
        mistake(*status, quoted(status->scalar) + " is no status of a denial");
      if (outcome != nullptr && outcome->scalar == "allow")
        mistake(*status, "what is let in has the upstream's status, which is not known here");
      expected.status = code;
    }
    if (const yaml::Node* headers = node.find("upstream_headers")) read_headers(*headers, expected);
  }

  void read_rule(const yaml::Node& node, Expectation& expected) {
    // A rule may be called none; then it is meant.
    const bool named = std::binary_search(rules_.begin(), rules_.end(), node.scalar);
    if (!named && node.scalar != "none")
      mistake(node, "the policy has no rule " + quoted(node.scalar), did_you_mean(node.scalar, rules_));
    expected.rule = named ? node.scalar : std::string();
  }

  void read_headers(const yaml::Node& node, Expectation& expected) {
    if (node.kind != yaml::Kind::mapping)
      return mistake(node, "\"upstream_headers\" wants names and values",
                     "for example 'upstream_headers: {X-Subject-Type: token}'");
    if (expected.outcome == Outcome::deny) return mistake(node, "what is denied never reaches the upstream");
    for (const yaml::Entry& entry : node.entries) {
      const yaml::Node& value = entry.value;
      const yaml::Node* absent = value.kind == yaml::Kind::mapping ? value.find("absent") : nullptr;
      if (value.kind == yaml::Kind::scalar)
        expected.upstream_headers.push_back({entry.key, value.scalar});
      else if (absent != nullptr && absent->scalar == "true" && value.entries.size() == 1)
        expected.upstream_headers.push_back({entry.key, std::nullopt});
      else
        mistake(value, quoted(entry.key) + " wants a value, or {absent: true}");
    }
  }

  void read_case(const yaml::Node& node) {
    if (!is_mapping(node, {"name", "as", "request", "expect", "status", "reason", "rule", "upstream_headers"},
                    "for example '{as: anonymous, request: GET /health, expect: allow}'"))
      return;
    PolicyCase one;
    one.place = {static_cast<std::uint32_t>(node.line), static_cast<std::uint32_t>(node.column)};
    const yaml::Node* request = node.find("request");
    if (request == nullptr)
      mistake(node, "\"request\" is missing", "for example 'request: GET /orders/17'");
    else
      one.request = read_request(*request);
    read_expectation(node, one.expected);
    const yaml::Node* name = text(node, "name");
    const yaml::Node* as = node.find("as");
    if (as == nullptr)
      return mistake(node, "\"as\" is missing: who asks?", "without a token it is 'anonymous'");
    const auto subjects = read_as(*as);
    if (one.request == nullptr) return;
    for (const auto& subject : subjects) {
      PolicyCase& each = cases_.emplace_back(one);
      each.subject = subject;
      each.name =
          name != nullptr ? name->scalar : one.request->asked.method() + ' ' + one.request->asked.target();
      if (name == nullptr || subjects.size() > 1) each.name += " as " + subject->name;
    }
  }

  const yaml::Document& document_;
  const AskedPolicy& policy_;
  const PolicySource& source_;
  Diagnostics& diagnostics_;
  Names rules_;                                                         ///< ids, sorted
  std::map<std::string, std::shared_ptr<const CaseSubject>> subjects_;  ///< null: wrong, which was said
  std::vector<PolicyCase> cases_;
};

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::deny:
      return "deny";
    case Outcome::allow:
      return "allow";
    case Outcome::shadow:
      return "shadow";
  }
  return "unknown";
}

std::vector<PolicyCase> read_policy_cases(const yaml::Document& document, const AskedPolicy& policy,
                                          const PolicySource& source, Diagnostics& diagnostics) {
  return CaseReader(document, policy, source, diagnostics).read();
}

}  // namespace postern::cli
