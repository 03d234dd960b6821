#include "policy/diff.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "policy/path_classes.hpp"

namespace postern::policy {
namespace {

using Kind = Difference::Kind;

/// A method that no rule names: stands for all of them.
constexpr std::string_view other_method = "OTHER-METHOD";

/// How the requests that pass after relate to those before.
struct Relation {
  bool fewer = false, more = false, undecided = false;
};

std::string text_of(const Condition& condition) {
  std::string text = std::to_string(static_cast<int>(condition.on)) +
                     std::to_string(static_cast<int>(condition.test)) + condition.name;
  std::vector<std::string> values = condition.values;
  for (const Network& network : condition.networks) {
    std::string bytes(std::begin(network.address), std::end(network.address));
    values.push_back(bytes + static_cast<char>(network.prefix));
  }
  std::sort(values.begin(), values.end());
  for (const std::string& value : values) text += '\0' + value;
  return text;
}

/// What a rule asks of the request itself. In shadow mode nothing is refused.
std::set<std::string> conditions_of(const Rule* rule) {
  std::set<std::string> texts;
  if (rule == nullptr || rule->mode == Mode::shadow) return texts;
  for (const Condition& condition : rule->conditions) texts.insert(text_of(condition));
  return texts;
}

std::vector<std::string> changed_options(const Rule& before, const Rule& after) {
  std::vector<std::string> names;
  const auto note = [&names](bool same, const char* name) {
    if (!same) names.emplace_back(name);
  };
  const bool headers = std::equal(before.upstream_headers.begin(), before.upstream_headers.end(),
                                  after.upstream_headers.begin(), after.upstream_headers.end(),
                                  [](const UpstreamHeader& a, const UpstreamHeader& b) {
                                    return a.name == b.name && a.value == b.value;
                                  });
  note(before.mode == after.mode, "mode");
  note(before.trailers == after.trailers, "trailers");
  note(before.upstream == after.upstream, "upstream");
  note(before.credentials == after.credentials, "credentials");
  note(before.body_limit == after.body_limit, "body_limit");
  note(headers, "upstream_headers");
  note(before.encoded_slash == after.encoded_slash, "encoded_slash");
  note(std::tie(before.timeouts.response, before.timeouts.body, before.timeouts.idle) ==
           std::tie(after.timeouts.response, after.timeouts.body, after.timeouts.idle),
       "timeouts");
  note(before.answer_lines == after.answer_lines, "deprecated, sunset");
  return names;
}

/// Who may pass, as far as subjects go.
struct Access {
  bool everybody = false;
  Formula token;  ///< else: with a valid token that meets this
};

Access access_of(const Rule* rule, TruthTable& table, const std::vector<std::string>& segments) {
  Access access;
  if (rule == nullptr || rule->requirement.kind == RequirementKind::never) return access;
  access.everybody = rule->requirement.kind == RequirementKind::anonymous;
  // In shadow mode every valid token passes, and nothing else does.
  access.token = rule->mode == Mode::shadow || access.everybody ? Formula{Formula::Kind::always, 0, {}}
                                                                : table.formula(*rule, segments);
  return access;
}

/// What becomes of the requests that one rule governed and another governs; the same for all of them.
struct Comparison {
  bool differs = false;
  Kind kind = Kind::options;
  bool conditions_differ = false;
  std::vector<std::string> options;
  std::vector<Difference::Witness> witnesses;  ///< without a request
};

Difference::Witness witness(const TruthTable& table, TruthTable::Row row, bool before) {
  Difference::Witness witness;
  for (std::size_t i = 0; i < table.terms().size(); ++i)
    if ((row >> i & 1) != 0) witness.holds.push_back(table.terms()[i]);
  witness.before = before;
  witness.after = !before;
  return witness;
}

Kind kind_of(const Relation& relation) {
  if (relation.undecided) return Kind::undecided;
  if (relation.fewer && relation.more) return Kind::changed;
  return relation.fewer ? Kind::stricter : Kind::looser;
}

Comparison compare(const Rule* before, const Rule* after, const std::vector<std::string>& segments) {
  Comparison comparison;
  TruthTable table;
  const Access old = access_of(before, table, segments), now = access_of(after, table, segments);
  const auto old_conditions = conditions_of(before), new_conditions = conditions_of(after);
  Relation relation;
  if (old.everybody != now.everybody) {
    (now.everybody ? relation.more : relation.fewer) = true;
    comparison.witnesses.push_back({{}, {}, {}, true, {}, old.everybody, now.everybody});
  }
  const Formula nobody;
  bool was_closed = old.token == nobody, is_closed = now.token == nobody;
  if (table.is_exact()) {
    was_closed = !table.find(old.token, nobody);
    is_closed = !table.find(now.token, nobody);
    if (const auto row = table.find(old.token, now.token)) {
      relation.fewer = true;
      if (!old.everybody) comparison.witnesses.push_back(witness(table, *row, true));
    }
    if (const auto row = table.find(now.token, old.token)) {
      relation.more = true;
      if (!now.everybody) comparison.witnesses.push_back(witness(table, *row, false));
    }
  } else {
    relation.undecided = old.token != now.token;
  }
  if (was_closed && is_closed) return comparison;
  if (!was_closed && !is_closed) {
    relation.fewer = relation.fewer || !std::includes(old_conditions.begin(), old_conditions.end(),
                                                      new_conditions.begin(), new_conditions.end());
    relation.more = relation.more || !std::includes(new_conditions.begin(), new_conditions.end(),
                                                    old_conditions.begin(), old_conditions.end());
    comparison.conditions_differ = old_conditions != new_conditions;
    comparison.options = changed_options(*before, *after);
  }
  comparison.kind = kind_of(relation);
  if (is_closed)
    comparison.kind = Kind::newly_closed;
  else if (now.everybody && !old.everybody)
    comparison.kind = Kind::newly_public;
  else if (was_closed)
    comparison.kind = Kind::newly_open;
  else if (!relation.fewer && !relation.more && !relation.undecided)
    comparison.kind = Kind::options;
  comparison.differs = comparison.kind != Kind::options || !comparison.options.empty();
  return comparison;
}

/// "any-other.example.com" stands for what else "*.example.com" matches.
std::string host_text(const std::string& host) {
  constexpr std::string_view any = "any-other.";
  if (host == "any-other.invalid") return "other";
  return host.starts_with(any) ? "*." + host.substr(any.size()) : host;
}

class Differ {
 public:
  Differ(const Policy& before, const Policy& after)
      : before_(before),
        after_(after),
        hosts_(host_classes({before.rules(), after.rules()})),
        classes_({before.rules(), after.rules()}) {
    methods_ = {"GET", "HEAD", std::string(other_method)};
    for (const Policy* policy : {&before, &after})
      for (const Rule& rule : policy->rules())
        methods_.insert(methods_.end(), rule.methods.begin(), rule.methods.end());
    std::sort(methods_.begin(), methods_.end());
    methods_.erase(std::unique(methods_.begin(), methods_.end()), methods_.end());
  }

  PolicyDiff run() {
    PolicyDiff result;
    const TemplateSegment everything{TemplateSegment::Kind::rest, {}};
    result.complete = classes_.each(
        {&everything, 1},
        [&](const std::string& path, bool below) {
          char buffer[limits::target_bytes_max];
          CanonicalPath canonical;
          if (canonical_path(path, buffer, canonical) != TargetError::none) return;
          look(path, below, [&](const Policy& policy, const std::string& host, const std::string& method) {
            return policy.match(host, canonical, method).rule;
          });
        },
        diff_paths_max);
    look("*", false, [](const Policy& policy, const std::string& host, const std::string& method) {
      return method == "OPTIONS" ? policy.match_asterisk(host, method).rule : nullptr;
    });
    result.classes = looked_at_;
    result.differences = std::move(differences_);
    std::stable_sort(result.differences.begin(), result.differences.end(),
                     [](const Difference& a, const Difference& b) { return a.kind < b.kind; });
    return result;
  }

 private:
  using Pair = std::pair<const Rule*, const Rule*>;
  /// A pair of rules and what else decides between them: the values of the segments that they look at.
  using Case = std::pair<Pair, std::vector<std::string>>;

  /// One class of paths, for every host and method. Hosts with the same outcome for the same methods are one
  /// set.
  template <class Govern>
  void look(const std::string& path, bool below, Govern govern) {
    std::map<std::pair<Pair, std::vector<std::string>>, std::vector<std::string>> sets;
    for (const std::string& host : hosts_) {
      std::map<Pair, std::vector<std::string>> methods;
      for (const std::string& method : methods_) {
        ++looked_at_;
        const Pair rules{govern(before_, host, method), govern(after_, host, method)};
        if (comparison(rules, path).differs) methods[rules].push_back(method);
      }
      for (auto& [rules, names] : methods) sets[{rules, names}].push_back(host);
    }
    for (const auto& [what, hosts] : sets) add(what.first, what.second, hosts, path, below);
  }

  const Comparison& comparison(const Pair& rules, const std::string& path) {
    Case one{rules, {}};
    for (const Rule* rule : {rules.first, rules.second})
      if (rule != nullptr)
        for (const std::size_t at : segments_of(*rule)) {
          if (one.second.size() <= at) one.second.resize(at + 1);
          one.second[at] = value_at(path, at);
        }
    const auto [known, fresh] = comparisons_.try_emplace(one);
    if (fresh) known->second = compare(rules.first, rules.second, one.second);
    return known->second;
  }

  const std::vector<std::size_t>& segments_of(const Rule& rule) {
    const auto [known, fresh] = segments_.try_emplace(&rule);
    if (fresh) known->second = deciding_segments(rule);
    return known->second;
  }

  /// The segment of a path, decoded; empty when it stands for all others.
  [[nodiscard]] std::string value_at(const std::string& path, std::size_t at) const {
    std::size_t begin = 1;
    for (; at > 0; --at) begin = path.find('/', begin) + 1;
    const std::string segment = path.substr(begin, path.find('/', begin) - begin);
    if (segment == classes_.other()) return {};
    std::string decoded(segment.size(), '\0');
    decoded.resize(decode_segment(segment, decoded).size());
    return decoded;
  }

  void add(const Pair& rules, const std::vector<std::string>& methods, const std::vector<std::string>& hosts,
           const std::string& path, bool below) {
    const Comparison& comparison = this->comparison(rules, path);
    const auto [known, fresh] = numbers_.try_emplace({rules, comparison.kind}, differences_.size());
    if (fresh) {
      Difference made;
      made.kind = comparison.kind;
      made.before = rules.first;
      made.after = rules.second;
      made.options = comparison.options;
      made.conditions_differ = comparison.conditions_differ;
      differences_.push_back(std::move(made));
    }
    Difference& difference = differences_[known->second];
    if (difference.witnesses.empty()) {
      for (Difference::Witness one : comparison.witnesses) {
        one.method = methods.front();
        one.host = hosts.front();
        one.path = path;
        if (spread(one, rules)) difference.witnesses.push_back(std::move(one));
      }
    }
    if (difference.sets.size() == difference_sets_max) {
      ++difference.further_sets;
      return;
    }
    Difference::Set set{pattern_of(path) + (below ? "/**" : ""), {}, {}};
    for (const std::string& method : methods)
      set.methods.push_back(method == other_method ? "other" : method);
    if (hosts.size() < hosts_.size())
      for (const std::string& host : hosts) set.hosts.push_back(host_text(host));
    difference.sets.push_back(std::move(set));
  }

  /// Makes the free segments of an example differ from one another, unless its subject is to be the owner of
  /// several: then they are that one's. False when that makes it a request of other rules.
  bool spread(Difference::Witness& witness, const Pair& rules) const {
    if (witness.path == "*") return true;
    std::string owner;
    std::set<std::size_t> owned;
    for (const Term& term : witness.holds) {
      if (term.kind != RequirementKind::owner) continue;
      if (term.id.front() == '=')
        owner = term.id.substr(1);
      else
        owned.insert(static_cast<std::size_t>(std::stoul(term.id.substr(1))));
    }
    if (owner.empty()) owner = classes_.other();
    std::string path;
    std::size_t number = 0;
    for (std::size_t at = 0; at < witness.path.size(); ++number) {
      const std::size_t end = std::min(witness.path.find('/', at + 1), witness.path.size());
      std::string segment = witness.path.substr(at + 1, end - at - 1);
      if (segment == classes_.other()) {
        if (owned.contains(number))
          segment = owner;
        else if (number > 0)
          segment += '-' + std::to_string(number);
      }
      path += '/' + segment;
      at = end;
    }
    char buffer[limits::target_bytes_max];
    CanonicalPath canonical;
    if (canonical_path(path, buffer, canonical) != TargetError::none) return false;
    witness.path = canonical.text;
    return before_.match(witness.host, canonical, witness.method).rule == rules.first &&
           after_.match(witness.host, canonical, witness.method).rule == rules.second;
  }

  /// The path of a class with "{other}" for the segment that stands for all others.
  [[nodiscard]] std::string pattern_of(const std::string& path) const {
    std::string text;
    for (std::size_t at = 0; at < path.size();) {
      const std::size_t end = std::min(path.find('/', at + 1), path.size());
      const std::string segment = path.substr(at, end - at);
      text += segment == '/' + classes_.other() ? "/{other}" : segment;
      at = end;
    }
    return text;
  }

  const Policy &before_, &after_;
  std::vector<std::string> hosts_, methods_;
  PathClasses classes_;
  std::map<Case, Comparison> comparisons_;
  std::map<const Rule*, std::vector<std::size_t>> segments_;
  std::map<std::pair<Pair, Kind>, std::size_t> numbers_;
  std::vector<Difference> differences_;  ///< in order of appearance
  std::size_t looked_at_ = 0;
};

std::string words_of(const Requirement& requirement, bool inner) {
  const auto joined = [&](std::string_view word) {
    std::string text;
    for (const Requirement& child : requirement.children)
      text += (text.empty() ? "" : ' ' + std::string(word) + ' ') + words_of(child, true);
    return inner && requirement.children.size() > 1 ? '(' + text + ')' : text;
  };
  switch (requirement.kind) {
    case RequirementKind::never:
      return "nobody";
    case RequirementKind::anonymous:
      return "everybody";
    case RequirementKind::authenticated:
      return "any valid token";
    case RequirementKind::any_of:
      return joined("or");
    case RequirementKind::all_of:
      return joined("and");
    case RequirementKind::negation:
      return "not " + words_of(requirement.children.front(), true);
    case RequirementKind::client_certificate:
      return requirement.id.empty() ? "a client certificate" : "client certificate " + quoted(requirement.id);
    case RequirementKind::owner:
      return "owner {" + requirement.id + '}';
    default:
      break;
  }
  return std::string(to_string(requirement.kind)) + ' ' + requirement.id;
}

}  // namespace

std::string_view to_string(Difference::Kind kind) noexcept {
  switch (kind) {
    case Kind::newly_public:
      return "newly_public";
    case Kind::newly_open:
      return "newly_open";
    case Kind::looser:
      return "looser";
    case Kind::changed:
      return "changed";
    case Kind::undecided:
      return "undecided";
    case Kind::stricter:
      return "stricter";
    case Kind::newly_closed:
      return "newly_closed";
    case Kind::options:
      return "options";
  }
  return "undecided";
}

std::string demand_text(const Rule* rule) {
  if (rule == nullptr) return "nobody";
  std::string text = words_of(rule->requirement, false);
  for (std::size_t i = 0; i < rule->resource.size(); ++i) {
    const ResourcePart& part = rule->resource[i];
    text += (i == 0 ? ", on " : "") +
            (part.param < 0 ? part.literal : '{' + rule->params[static_cast<std::size_t>(part.param)] + '}');
  }
  for (const Condition& condition : rule->conditions) text += ", if " + to_string(condition);
  return rule->mode == Mode::shadow ? "any valid token (in shadow mode: " + text + ')' : text;
}

PolicyDiff diff(const Policy& before, const Policy& after) {
  return Differ(before, after).run();
}

}  // namespace postern::policy
