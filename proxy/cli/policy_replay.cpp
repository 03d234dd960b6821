#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/foreseen.hpp"
#include "proxy/cli/log_report.hpp"
#include "proxy/cli/logged_request.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/policy_source.hpp"

namespace postern::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t groups_max = 100'000;  // of requests that are alike; what comes beyond is only counted
constexpr std::size_t rows_shown_max = 50;   // of a kind, as text

/// What becomes of a request. In the order of the report.
enum class Change : std::uint8_t { denied = 0, allowed, shadowed, unknown, none };
constexpr Change reported[] = {Change::denied, Change::allowed, Change::shadowed, Change::unknown};

std::string_view to_string(Change change) noexcept {
  switch (change) {
    case Change::denied:
      return "newly_denied";
    case Change::allowed:
      return "newly_allowed";
    case Change::shadowed:
      return "shadow_only";
    case Change::unknown:
      return "undecidable";
    case Change::none:
      break;
  }
  return "unchanged";
}

std::string_view heading_of(Change change) noexcept {
  switch (change) {
    case Change::denied:
      return "newly denied";
    case Change::allowed:
      return "newly allowed";
    case Change::shadowed:
      return "passing only because of shadow mode";
    case Change::unknown:
      return "not to be told from the log";
    case Change::none:
      break;
  }
  return "unchanged";
}

/// What requests have in common that are counted together.
struct Group {
  Change change = Change::none;
  const policy::Rule* rule = nullptr;  ///< that would govern
  std::string rule_then, reason_then, subject, method, why;
  bool shadowed_then = false;

  auto operator<=>(const Group&) const = default;
};

/// How often, when, and for what.
struct Tally {
  std::uint64_t count = 0;
  std::string first, last, path;
};

Change change_of(const LoggedRequest& then, const Foreseen& now) noexcept {
  if (!now.is_known()) return Change::unknown;
  if (then.allowed != now.may_pass()) return now.may_pass() ? Change::allowed : Change::denied;
  return now.may_be_shadowed && !now.may_be_allowed ? Change::shadowed : Change::none;
}

std::string why_of(const Foreseen& now) {
  if (now.refused != policy::TargetError::none) return std::string(policy::to_string(now.refused));
  if (!now.is_known()) return "depends on " + now.unknown;
  std::string why(policy::to_string(now.decision.reason));
  if (now.decision.failed != nullptr) return why + " (" + policy::to_string(*now.decision.failed) + ')';
  if (now.decision.reason == policy::Reason::denied) return why;
  if (now.decision.unmet != nullptr) why += " (" + policy::to_string(*now.decision.unmet) + ')';
  return why;
}

class Replay {
 public:
  explicit Replay(Foresight& foresight) : foresight_(foresight) {}

  void take(const LoggedRequest& then, AskedRequest& asked) {
    if (!then.decided) return void(++undecided_);
    // Who guessed too often was refused for that, and by no rule.
    if (then.code == "too_many_failures") return void(++limited_);
    const Foreseen now = foresight_.of(then, asked);
    const Change change = change_of(then, now);
    ++counts_[static_cast<std::size_t>(change)];
    if (change == Change::none) return;
    Group group{change,           now.rule,    then.rule,   then.reason,
                subject_of(then), then.method, why_of(now), then.shadowed};
    auto found = groups_.find(group);
    if (found == groups_.end()) {
      if (groups_.size() >= groups_max) return void(++beyond_);
      found = groups_.emplace(std::move(group), Tally{0, then.time, then.time, then.path}).first;
    }
    Tally& tally = found->second;
    ++tally.count;
    if (then.time < tally.first) tally.first = then.time;
    if (then.time > tally.last) tally.last = then.time;
  }

  [[nodiscard]] std::uint64_t count(Change change) const noexcept {
    return counts_[static_cast<std::size_t>(change)];
  }
  /// Whether nothing would change, and that is known.
  [[nodiscard]] bool is_quiet() const noexcept {
    return count(Change::denied) + count(Change::allowed) + count(Change::unknown) == 0;
  }

  [[nodiscard]] json::object record(const policy::Policy& policy, const LogReader& log) const {
    json::array groups;
    for (const Change change : reported)
      for (const auto* entry : rows(change)) groups.push_back(record_of(*entry, policy));
    json::object record{{"nothing_changes", is_quiet() && log.broken_count() == 0}};
    for (const Change change : reported) record[to_string(change)] = count(change);
    record["unchanged"] = count(Change::none);
    record["refused_before_rules"] = undecided_;
    record["refused_by_limit"] = limited_;
    record["not_grouped"] = beyond_;
    record["groups"] = std::move(groups);
    add_log(record, log);
    return record;
  }

  [[nodiscard]] std::string text(const policy::Policy& policy, const LogReader& log) const {
    std::string text;
    for (const Change change : reported) {
      if (count(change) == 0) continue;
      text += std::string(heading_of(change)) + ": " + requests(count(change)) + '\n';
      const auto entries = rows(change);
      for (std::size_t i = 0; i < std::min(entries.size(), rows_shown_max); ++i)
        text += line_of(*entries[i], policy);
      if (entries.size() > rows_shown_max)
        text +=
            "  and " + std::to_string(entries.size() - rows_shown_max) + " groups more (--json has them)\n";
    }
    if (beyond_ > 0)
      text += "beyond " + std::to_string(groups_max) + " groups, only counted: " + requests(beyond_) + '\n';
    text += "unchanged: " + requests(count(Change::none)) + '\n';
    if (undecided_ > 0) text += "refused before any rule was asked: " + requests(undecided_) + '\n';
    if (limited_ > 0) text += "refused for too many failures: " + requests(limited_) + '\n';
    return text + log_text(log);
  }

 private:
  using Entry = std::pair<const Group, Tally>;

  static std::string subject_of(const LoggedRequest& then) {
    if (then.subject_type != "anonymous") return then.subject_type + ' ' + then.subject;
    return then.credential == policy::Credential::absent ? "anonymous" : "an unusable token";
  }

  /// The groups of one kind, the largest first.
  [[nodiscard]] std::vector<const Entry*> rows(Change change) const {
    std::vector<const Entry*> rows;
    for (const Entry& entry : groups_)
      if (entry.first.change == change) rows.push_back(&entry);
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Entry* a, const Entry* b) { return a->second.count > b->second.count; });
    return rows;
  }

  static std::string line_of(const Entry& entry, const policy::Policy& policy) {
    const auto& [group, tally] = entry;
    const std::string rule =
        group.rule ? group.rule->id + " (" + policy.where(group.rule->place) + ')' : "none";
    return "  " + std::to_string(tally.count) + "  " + group.subject + "  " + group.method + ' ' +
           tally.path + (tally.count > 1 ? " and alike" : "") + "\n    rule " + rule + ": " + group.why +
           "; then " + group.reason_then + (group.shadowed_then ? " in shadow mode" : "") +
           (group.rule_then.empty() ? " by no rule\n" : " by rule " + group.rule_then + '\n');
  }

  static json::object record_of(const Entry& entry, const policy::Policy& policy) {
    const auto& [group, tally] = entry;
    json::object record{{"change", to_string(group.change)},
                        {"count", tally.count},
                        {"subject", group.subject},
                        {"method", group.method},
                        {"path", tally.path}};
    record["rule"] = group.rule ? json::value(group.rule->id) : json::value();
    record["place"] = group.rule ? json::value(policy.where(group.rule->place)) : json::value();
    record["why"] = group.why;
    record["rule_then"] = group.rule_then.empty() ? json::value() : json::value(group.rule_then);
    record["reason_then"] = group.reason_then;
    record["shadowed_then"] = group.shadowed_then;
    record["first"] = tally.first;
    record["last"] = tally.last;
    return record;
  }

  Foresight& foresight_;
  std::map<Group, Tally> groups_;
  std::uint64_t counts_[5] = {};  ///< index: Change
  std::uint64_t undecided_ = 0, limited_ = 0, beyond_ = 0;
};

int replay(Arguments& arguments) {
  std::vector<std::string> logs;
  Foresight::Options options;
  std::string old_file;
  PolicySource source;
  Output output;
  arguments.operands("LOG", logs, "access logs; /dev/stdin is one, too");
  arguments.flag("--enforce", options.enforce, "judge rules in shadow mode as if they were enforced");
  arguments.text("--old", "FILE", old_file, "the policy that wrote the log: what it looked at is then known");
  source.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (!source.load()) return exit_failed;
  if (source.store() == nullptr)
    complain("what tokens hold is not known, since there is no store: " + source.why_no_store());

  const AskedPolicy policy(source);
  std::optional<ReadPolicy> old;
  if (!old_file.empty()) {
    old = source.read(old_file);
    if (!old) return exit_failed;
    options.old = old->policy.get();
  }
  Foresight foresight(policy, source, options);
  Replay replay(foresight);
  LogReader log;
  for (const std::string& file : logs)
    if (!log.read(file, [&](const LoggedRequest& then, AskedRequest& asked) { replay.take(then, asked); }))
      return exit_failed;
  const int printed = output.json() ? output.record(replay.record(policy.policy(), log))
                                    : print(replay.text(policy.policy(), log));
  if (printed != exit_done) return printed;
  return replay.is_quiet() && log.broken_count() == 0 ? exit_done : exit_found;
}

}  // namespace

const Command policy_replay{
    "policy replay",
    "Puts recorded requests to a policy and tells what would change. Exit code 3: something would, or cannot "
    "be told.",
    "postern policy replay access.log --policy policy.yaml\n"
    "postern policy replay access.log --enforce --json",
    replay,
};

}  // namespace postern::cli
