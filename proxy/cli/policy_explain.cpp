#include <boost/json.hpp>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/asked_policy.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {
namespace {

int explain(Arguments& arguments) {
  std::string method, target, host;
  FactOptions facts;
  SubjectOptions who;
  PolicySource source;
  Output output;
  arguments.operand("METHOD", method, "GET, PUT, ...");
  arguments.operand("TARGET", target, "a path with or without a query, or http://host/path");
  arguments.text("--host", "NAME", host, "the host that is asked for");
  facts.declare(arguments);
  who.declare(arguments);
  source.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (const std::string flaw = who.flaw(); !flaw.empty()) return arguments.usage_error(flaw);
  AskedRequest request;
  if (const std::string flaw = request.read(upper_case(method), target, host); !flaw.empty())
    return arguments.usage_error(flaw);
  if (!source.load()) return exit_failed;
  const auto subject = who.resolve(source.store(), source.why_no_store());
  if (!subject) return exit_failed;

  request.keep_slashes(source.policy());
  const AskedPolicy policy(source);
  for (const std::string& unknown : policy.unknown_of(*subject)) complain("there is no " + unknown);
  const AskedAnswer answer = policy.answer(request, facts.input(request.query()), *subject);
  return output.json() ? output.record(answer.record()) : print(answer.text());
}

}  // namespace

const Command policy_explain{
    "policy explain",
    "Tells what becomes of a request: the rule, each thing it demands, and the rules it just missed.",
    "postern policy explain GET /orders/17 --role shop.reader\n"
    "postern policy explain PUT /orders/17 --token tok_4f9Zk2LmQ8xR1bTa --json",
    explain,
};

}  // namespace postern::cli
