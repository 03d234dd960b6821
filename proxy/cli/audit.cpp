#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <limits>
#include <thread>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/record.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/instant.hpp"
#include "store/retention.hpp"

namespace postern::cli {
namespace {

constexpr std::size_t page_size = 1000;  ///< records read in one transaction
constexpr auto follow_pause = std::chrono::milliseconds(500);

/// Which records are wanted. A name matches whole, or up to its `*` at the end.
struct Filter {
  std::string actor, action, target;
  UnixSeconds since = 0, until = 0;  ///< 0: whenever

  void declare(Arguments& arguments) {
    arguments.text("--actor", "NAME", actor, "changes by this one only: os:alice, os:*");
    arguments.text("--action", "NAME", action, "this kind of change only: token.create, token.*");
    arguments.text("--target", "ID", target, "changes of this one only");
    arguments.value("--since", "WHEN", take_instant(since), "from then on: 2026-12-31, 2026-12-31T12:00:00Z");
    arguments.value("--until", "WHEN", take_instant(until), "before then");
  }
  [[nodiscard]] bool takes(const store::AuditRecord& record) const {
    return matches(actor, record.actor) && matches(action, record.action) && matches(target, record.target) &&
           record.time >= since && (until == 0 || record.time < until);
  }

 private:
  static bool matches(std::string_view wanted, std::string_view name) {
    if (wanted.ends_with('*')) return name.starts_with(wanted.substr(0, wanted.size() - 1));
    return wanted.empty() || wanted == name;
  }
};

/// Calls `take` for each wanted record after `after`, until it says false. The last sequence looked at.
Result<std::uint64_t> each_record(const store::Store& store, const Filter& filter, std::uint64_t after,
                                  const std::function<bool(const store::AuditRecord&)>& take) {
  for (;;) {
    POSTERN_TRY(const auto page, store.audit(after, page_size));
    for (const store::AuditRecord& record : page) {
      if (filter.takes(record) && !take(record)) return after;
      after = record.sequence;
    }
    if (page.size() < page_size) return after;
  }
}

std::string line_of(const store::AuditRecord& record, bool json) {
  if (json) return boost::json::serialize(record_of(record)) + "\n";
  std::string line = std::to_string(record.sequence) + "  " + store::format_instant(record.time) + "  " +
                     record.actor + "  " + record.action + "  " + record.target;
  if (!record.reason.empty()) line += "  (" + record.reason + ")";
  return line + "\n";
}

/// Writes each record on a line of its own. The last sequence looked at; nothing when it could not be
/// written.
std::optional<std::uint64_t> stream(const store::Store& store, const Filter& filter, std::uint64_t after,
                                    bool json) {
  int written = exit_done;
  std::string lines;
  const auto last = each_record(store, filter, after, [&](const store::AuditRecord& record) {
    lines += line_of(record, json);
    if (lines.size() > 64 * 1024) {
      written = print(lines);
      lines.clear();
    }
    return written == exit_done;
  });
  if (!last) {
    (void)fail(last.error());
    return std::nullopt;
  }
  if (written == exit_done && !lines.empty()) written = print(lines);
  return written == exit_done ? std::optional(*last) : std::nullopt;
}

/// Until the process is told to end, or nobody reads on.
int follow(const store::Store& store, const Filter& filter, std::uint64_t after, bool json) {
  for (;;) {
    const auto last = stream(store, filter, after, json);
    if (!last) return exit_failed;
    after = *last;
    std::this_thread::sleep_for(follow_pause);
  }
}

int list(Arguments& arguments) {
  std::uint64_t after = 0;
  std::uint64_t limit = 100;
  bool following = false;
  Filter filter;
  StoreAccess access;
  Output output;
  arguments.number("--after", after, std::numeric_limits<std::uint64_t>::max(),
                   "go on after this sequence number");
  arguments.number("--limit", limit, 1'000'000'000, "how many at most, 100 unless given; 0: all");
  filter.declare(arguments);
  arguments.flag("--follow", following, "go on with what is recorded from now on, a line each");
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  if (following) return follow(*store, filter, after, output.json());
  boost::json::array records;
  bool more = false;
  const auto last = each_record(*store, filter, after, [&](const store::AuditRecord& record) {
    more = limit != 0 && records.size() == limit;
    if (!more) records.push_back(record_of(record));
    return !more;
  });
  if (!last) return fail(last.error());
  if (more)
    complain("there are more; go on with --after " + std::to_string(*last) + ", or see all with --limit 0");
  return output.table(records, {"sequence", "time", "actor", "action", "target", "reason"});
}

int export_all(Arguments& arguments) {
  std::uint64_t after = 0;
  Filter filter;
  StoreAccess access;
  arguments.number("--after", after, std::numeric_limits<std::uint64_t>::max(),
                   "go on after this sequence number");
  filter.declare(arguments);
  access.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  const auto store = access.open();
  if (!store) return exit_failed;
  return stream(*store, filter, after, true) ? exit_done : exit_failed;
}

int drop(Arguments& arguments) {
  constexpr std::size_t at_once = 100'000;  // so that no other writer waits long
  UnixSeconds before = 0;
  StoreAccess access;
  Output output;
  arguments.value("--before", "WHEN", take_instant(before),
                  "drop what is older: 2026-12-31, 2026-12-31T12:00:00Z");
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (before == 0) return arguments.usage_error("--before is missing");
  if (before > now()) return arguments.usage_error("--before lies in the future");
  access.allow_declared();
  auto store = access.open();
  if (!store) return exit_failed;
  std::uint64_t dropped = 0;
  for (bool more = true; more;) {
    const auto done = store::drop_audit(access.actor(), *store, before, at_once);
    if (!done) return fail(done.error());
    dropped += done->dropped;
    more = done->more;
  }
  return output.done("dropped " + std::to_string(dropped) + " records", {{"dropped", dropped}});
}

int verify(Arguments& arguments) {
  StoreAccess access;
  Output output;
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  const auto verdict = store->verify_audit();
  if (!verdict) return fail(verdict.error());
  const bool whole = verdict->problem.empty();
  const std::string range = std::to_string(verdict->first) + " to " + std::to_string(verdict->last);
  const boost::json::object record{
      {"ok", whole},
      {"first", verdict->first},
      {"last", verdict->last},
      {"broken", whole ? boost::json::value() : boost::json::value(verdict->broken)},
      {"problem", whole ? boost::json::value() : boost::json::value(verdict->problem)}};
  if (!whole && !output.json()) {
    complain("the audit log is broken: " + verdict->problem);
    return exit_failed;
  }
  const std::string sentence =
      verdict->last == 0 ? "the audit log is empty" : "the audit log is whole: records " + range;
  const int printed = output.done(sentence, record);
  return whole ? printed : exit_failed;
}

}  // namespace

const Command audit_list{
    "audit list",
    "Lists who changed what and when, oldest first.",
    "postern audit list\n"
    "postern audit list --after 2 --limit 1000 --json\n"
    "postern audit list --actor \"os:*\" --action \"token.*\" --since 2026-01-01",
    list,
};

const Command audit_verify{
    "audit verify",
    "Checks that no audit record was changed, inserted or removed. Exits with 1 if one was.",
    "postern audit verify",
    verify,
};

const Command audit_export{
    "audit export",
    "Writes the audit log as JSON, a record a line, each with its hash.",
    "postern audit export > audit.jsonl\n"
    "postern audit export --after 2 --action \"token.*\"",
    export_all,
};

const Command audit_drop{
    "audit drop",
    "Drops the oldest audit records, once they were verified. What is left can still be proved, from the "
    "hash "
    "of the last one that was dropped on.",
    "postern audit drop --before 2026-01-01 --reason \"kept for a year\"",
    drop,
};

}  // namespace postern::cli
