#include <boost/json.hpp>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/store_access.hpp"

namespace postern::cli {
namespace {

int verify(Arguments& arguments) {
  StoreAccess access;
  Output output;
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  const auto report = store->verify();
  if (!report) return fail(report.error());
  const auto audit = store->verify_audit();
  if (!audit) return fail(audit.error());

  boost::json::array problems(report->problems.begin(), report->problems.end());
  if (!audit->problem.empty()) problems.emplace_back(audit->problem);
  const bool whole = problems.empty();
  const int printed = output.record({{"ok", whole},
                                     {"store", store->path()},
                                     {"tokens", report->tokens},
                                     {"users", report->users},
                                     {"permissions", report->permissions},
                                     {"roles", report->roles},
                                     {"groups", report->groups},
                                     {"licenses", report->licenses},
                                     {"audit_records", report->audit_records},
                                     {"problems", problems}});
  if (!output.json()) {
    for (const boost::json::value& problem : problems) complain(problem.get_string());
  }
  return whole ? printed : exit_failed;
}

}  // namespace

const Command store_verify{
    "store verify",
    "Reads every record of the store and checks what refers to what, and the audit log. Exits with 1 if "
    "anything is wrong.",
    "postern store verify",
    verify,
};

}  // namespace postern::cli
