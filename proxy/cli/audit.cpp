#include <boost/json.hpp>
#include <limits>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/record.hpp"
#include "proxy/cli/store_access.hpp"

namespace postern::cli {
namespace {

int list(Arguments& arguments) {
  std::uint64_t after = 0;
  std::uint64_t limit = 100;
  StoreAccess access;
  Output output;
  arguments.number("--after", after, std::numeric_limits<std::uint64_t>::max(),
                   "go on after this sequence number");
  arguments.number("--limit", limit, 1'000'000'000, "how many at most, 100 unless given; 0: all");
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  const std::size_t wanted =
      limit == 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(limit);
  const auto audit =
      store->audit(after, wanted == std::numeric_limits<std::size_t>::max() ? wanted : wanted + 1);
  if (!audit) return fail(audit.error());
  boost::json::array records;
  for (const store::AuditRecord& record : *audit) {
    if (records.size() == wanted) {
      complain("there are more; go on with --after " + std::to_string(record.sequence - 1) +
               ", or see all with --limit 0");
      break;
    }
    records.push_back(record_of(record));
  }
  return output.table(records, {"sequence", "time", "actor", "action", "target", "reason"});
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
    "postern audit list --after 2 --limit 1000 --json",
    list,
};

const Command audit_verify{
    "audit verify",
    "Checks that no audit record was changed, inserted or removed. Exits with 1 if one was.",
    "postern audit verify",
    verify,
};

}  // namespace postern::cli
