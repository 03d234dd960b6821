#include <algorithm>
#include <boost/json.hpp>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/foreseen.hpp"
#include "proxy/cli/log_report.hpp"
#include "proxy/cli/logged_request.hpp"
#include "proxy/cli/observed_use.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/policy_source.hpp"
#include "proxy/cli/suggestion.hpp"

namespace postern::cli {
namespace {

int suggest(Arguments& arguments) {
  std::vector<std::string> logs;
  bool denied = false, yaml = false;
  PolicySource source;
  Output output;
  arguments.operands("LOG", logs, "access logs; /dev/stdin is one, too");
  arguments.flag("--denied", denied, "what was denied for want of rights counts as needed, too");
  source.declare(arguments);
  output.declare(arguments);
  arguments.flag("--yaml", yaml, "print a catalog file that narrows the roles instead of text");
  if (!arguments.parse()) return arguments.exit_code();
  if (!source.load()) return exit_failed;
  if (source.store() == nullptr) {
    complain("what tokens hold is looked up in the store: " + source.why_no_store());
    return exit_failed;
  }

  const AskedPolicy policy(source);
  Foresight foresight(policy, source, {});
  ObservedUse use(policy, foresight, denied);
  LogReader log;
  for (const std::string& file : logs)
    if (!log.read(file, [&](const LoggedRequest& then, AskedRequest& asked) { use.take(then, asked); }))
      return exit_failed;
  const Suggestion suggestion(use, policy, *source.store());
  int printed = exit_done;
  if (yaml)
    printed = print(suggestion.catalog(log));
  else if (output.json())
    printed = output.record(suggestion.record(log));
  else
    printed = print(suggestion.text(log));
  return printed != exit_done || log.broken_count() == 0 ? printed : exit_found;
}

}  // namespace

const Command policy_suggest{
    "policy suggest",
    "Tells from an access log the least rights that each token and role needs. Exit code 3: lines are "
    "broken.",
    "postern policy suggest access.log\n"
    "postern policy suggest access.log --yaml",
    suggest,
};

}  // namespace postern::cli
