#include "proxy/cli/arguments.hpp"
#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/network_option.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/token_records.hpp"
#include "proxy/cli/token_selection.hpp"

namespace postern::cli {
namespace {

bool is_empty(const store::TokenChange& change) {
  return !change.name && !change.description && !change.owner && !change.not_before && !change.expires &&
         !change.enabled && !change.set_networks && change.add_networks.empty() &&
         change.remove_networks.empty() && cli::is_empty(change.assignments);
}

int update(Arguments& arguments) {
  TokenSelection selection;
  store::TokenAction action;
  store::TokenChange& change = action.change;
  bool enable = false, disable = false;
  StoreAccess access;
  Output output;
  selection.declare(arguments);
  arguments.text("--name", "TEXT", change.name, "what it is called");
  arguments.text("--description", "TEXT", change.description, "what it is for");
  arguments.text("--owner", "USER", change.owner,
                 "have this user's rights from now on, and none of its own; '' for no owner");
  arguments.value("--expires", "WHEN", take_instant(change.expires),
                  "when it ends: " + std::string(instant_forms));
  arguments.value("--not-before", "WHEN", take_instant(change.not_before), "when it begins to be valid");
  arguments.flag("--enable", enable, "make it usable");
  arguments.flag("--disable", disable, "refuse it from the next request on");
  arguments.value("--set-cidr", "NETWORK", take_network(change.set_networks),
                  "clients must come from exactly these networks; '' for any", true);
  arguments.value("--add-cidr", "NETWORK", take_network(change.add_networks), "or from this", true);
  arguments.value("--remove-cidr", "NETWORK", take_network(change.remove_networks), "no more from this",
                  true);
  declare_assignment_change(arguments, change.assignments);
  access.declare_for_risky_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (!selection.check(arguments)) return exit_usage;
  if (enable && disable) return arguments.usage_error("--enable and --disable exclude each other");
  if (enable || disable) change.enabled = enable;
  if (is_empty(change)) return arguments.usage_error("nothing to change");

  auto store = access.open();
  if (!store) return exit_failed;
  if (!selection.one())
    return change_tokens(selection, *store, access, output, action, {"update", "updated"}, nullptr);
  if (const auto done = store->update_token(access.actor(), selection.id(), change); !done)
    return fail(done.error());
  return answer_with_token(output, *store, "updated", selection.id());
}

}  // namespace

const Command token_update{
    "token update",
    "Changes settings of a token, or of many, from the next request on; the secret stays.",
    "postern token update tok_4f9Zk2LmQ8xR1bTa --name deploy --add-role shop.writer --expires 90d\n"
    "postern token update tok_4f9Zk2LmQ8xR1bTa --owner alice\n"
    "postern token update tok_4f9Zk2LmQ8xR1bTa --set-cidr 10.0.0.0/8 --reason \"only from inside\"\n"
    "postern token update --where role=shop.reader --expires 2099-12-31 --dry-run",
    update,
};

}  // namespace postern::cli
