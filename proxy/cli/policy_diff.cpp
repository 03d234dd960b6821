#include <algorithm>
#include <boost/json.hpp>

#include "policy/diff.hpp"
#include "proxy/admin/policy_reader.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;
using policy::Difference;
using policy::Policy;
using policy::Rule;

constexpr std::size_t sets_shown = 5;

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(between)) + word;
  return text;
}

std::string place_of(const Rule* rule, const Policy& policy) {
  if (rule == nullptr) return "no rule";
  const std::string place = policy.where(rule->place);
  return rule->id == place ? place : rule->id + " (" + place + ')';
}

std::string term_text(const policy::Term& term, const std::string& path) {
  if (term.kind == policy::RequirementKind::owner) return "being the owner";
  std::string text = std::string(to_string(term.kind)) + (term.id.empty() ? "" : ' ' + term.id);
  if (term.resource.empty()) return text;
  // "{2}" is the third segment of the path.
  std::string resource;
  for (std::size_t at = 0; at < term.resource.size(); ++at) {
    if (term.resource[at] != '{') {
      resource += term.resource[at];
      continue;
    }
    std::size_t number = 0;
    while (term.resource[++at] != '}')
      number = number * 10 + static_cast<std::size_t>(term.resource[at] - '0');
    std::size_t begin = 1;
    for (; number > 0; --number) begin = path.find('/', begin) + 1;
    resource += path.substr(begin, path.find('/', begin) - begin);
  }
  return text + " on " + resource;
}

std::vector<std::string> holds_of(const Difference::Witness& witness) {
  std::vector<std::string> holds;
  for (const policy::Term& term : witness.holds) holds.push_back(term_text(term, witness.path));
  return holds;
}

std::string text_of(const Difference::Witness& witness) {
  const std::vector<std::string> holds = holds_of(witness);
  const std::string who = witness.anonymous ? "without a token"
                          : holds.empty()   ? "with a token that holds nothing"
                                            : "with " + joined(holds, ", ");
  return witness.method + ' ' + witness.host + witness.path + ' ' + who + ": " +
         (witness.before ? "passed before, is refused now" : "was refused before, passes now");
}

std::string text_of(const Difference& difference, const Policy& before, const Policy& after, bool all) {
  std::string text = std::string(to_string(difference.kind)) + '\n';
  text += "  before: " + place_of(difference.before, before) + ": " + demand_text(difference.before) + '\n';
  text += "  after:  " + place_of(difference.after, after) + ": " + demand_text(difference.after) + '\n';
  if (!difference.options.empty()) text += "  options: " + joined(difference.options, ", ") + '\n';
  for (const Difference::Witness& witness : difference.witnesses)
    text += "  example: " + text_of(witness) + '\n';
  const std::size_t shown = all ? difference.sets.size() : std::min(difference.sets.size(), sets_shown);
  for (std::size_t i = 0; i < shown; ++i) {
    const Difference::Set& set = difference.sets[i];
    text += "  " + joined(set.methods, ", ") + ' ' + set.paths +
            (set.hosts.empty() ? "" : " on " + joined(set.hosts, ", ")) + '\n';
  }
  const std::size_t more = difference.sets.size() - shown + difference.further_sets;
  if (more > 0) text += "  and " + std::to_string(more) + " more sets of requests\n";
  return text;
}

json::value side(const Rule* rule, const Policy& policy) {
  if (rule == nullptr) return {{"rule", nullptr}, {"demands", demand_text(rule)}};
  return {{"rule", rule->id},
          {"file", policy.files()[rule->place.file]},
          {"line", rule->place.line},
          {"demands", demand_text(rule)}};
}

json::object record_of(const Difference& difference, const Policy& before, const Policy& after) {
  json::array sets, witnesses;
  for (const Difference::Set& set : difference.sets)
    sets.push_back(json::object{{"paths", set.paths},
                                {"methods", json::array(set.methods.begin(), set.methods.end())},
                                {"hosts", json::array(set.hosts.begin(), set.hosts.end())}});
  for (const Difference::Witness& one : difference.witnesses) {
    const std::vector<std::string> holds = holds_of(one);
    witnesses.push_back(json::object{{"method", one.method},
                                     {"host", one.host},
                                     {"path", one.path},
                                     {"anonymous", one.anonymous},
                                     {"holds", json::array(holds.begin(), holds.end())},
                                     {"before", one.before ? "allow" : "deny"},
                                     {"after", one.after ? "allow" : "deny"}});
  }
  return {{"kind", to_string(difference.kind)},
          {"before", side(difference.before, before)},
          {"after", side(difference.after, after)},
          {"options", json::array(difference.options.begin(), difference.options.end())},
          {"conditions_differ", difference.conditions_differ},
          {"examples", std::move(witnesses)},
          {"sets", std::move(sets)},
          {"further_sets", difference.further_sets}};
}

/// The names of upstreams that a file speaks of. Which there are is the configuration's business, and may
/// have changed between the two.
void gather_upstreams(const yaml::Node& node, std::vector<std::string>& names) {
  for (const yaml::Node& item : node.items) gather_upstreams(item, names);
  for (const yaml::Entry& entry : node.entries) {
    if (entry.key == "upstream" && entry.value.kind == yaml::Kind::scalar &&
        std::find(names.begin(), names.end(), entry.value.scalar) == names.end())
      names.push_back(entry.value.scalar);
    gather_upstreams(entry.value, names);
  }
}

struct Side {
  policy::PolicyFiles files;
  std::unique_ptr<const Policy> policy;
};

bool compile(Side& side, const std::vector<std::string>& upstreams) {
  Diagnostics diagnostics;
  side.policy = Policy::compile(side.files, nullptr, diagnostics, &upstreams);
  if (side.policy) return true;
  complain_about(diagnostics, policy::documents_of(side.files));
  return false;
}

bool load(Side& side, const std::string& file) {
  Diagnostics diagnostics;
  side.files = admin::read_policy(file, diagnostics);
  if (diagnostics.empty()) return true;
  complain_about(diagnostics, policy::documents_of(side.files));
  return false;
}

int diff(Arguments& arguments) {
  std::string old_file, new_file;
  bool all = false;
  Output output;
  arguments.operand("OLD", old_file, "a policy");
  arguments.operand("NEW", new_file, "another one");
  arguments.flag("--all", all, "list every set of requests");
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  Side before, after;
  if (!load(before, old_file) || !load(after, new_file)) return exit_failed;
  std::vector<std::string> upstreams = {"default"};
  for (const Side* side : {&before, &after})
    for (const policy::PolicyFile& file : side->files) gather_upstreams(file.document.root, upstreams);
  if (!compile(before, upstreams) || !compile(after, upstreams)) return exit_failed;

  const policy::PolicyDiff found = policy::diff(*before.policy, *after.policy);
  if (!found.complete) {
    complain("the policies tell more than " + std::to_string(policy::diff_paths_max) +
             " classes of paths apart; not all were looked at");
    return exit_failed;
  }
  const int code = found.differences.empty() ? exit_done : exit_found;
  int printed = exit_done;
  if (output.json()) {
    json::array differences;
    for (const Difference& one : found.differences)
      differences.push_back(record_of(one, *before.policy, *after.policy));
    printed = output.record({{"same", found.differences.empty()},
                             {"classes", found.classes},
                             {"differences", std::move(differences)}});
  } else {
    std::string text;
    for (const Difference& one : found.differences) text += text_of(one, *before.policy, *after.policy, all);
    text += found.differences.empty() ? "the same may pass, and is served alike"
                                      : std::to_string(found.differences.size()) + " differences";
    printed = print(text + ", in " + std::to_string(found.classes) + " classes of requests\n");
  }
  return printed == exit_done ? code : printed;
}

}  // namespace

const Command policy_diff{
    "policy diff",
    "Tells what one policy lets pass and another does not, for every request there can be. Exit code 3: they "
    "differ.",
    "postern policy diff policy.yaml policy-by-verb.yaml\n"
    "postern policy diff policy.yaml policy-by-verb.yaml --json",
    diff,
};

}  // namespace postern::cli
