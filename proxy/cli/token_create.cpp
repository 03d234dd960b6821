#include "conf/option.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/secret_output.hpp"
#include "proxy/cli/store_access.hpp"

namespace postern::cli {
namespace {

int create(Arguments& arguments) {
  store::TokenSpec spec;
  bool disabled = false;
  StoreAccess access;
  SecretForm form;
  arguments.text("--name", "TEXT", spec.name, "what it is called");
  arguments.text("--description", "TEXT", spec.description, "what it is for");
  arguments.text("--owner", "USER", spec.owner, "user whose rights it has, instead of rights of its own");
  declare_assignments(arguments, spec.assignments);
  arguments.value("--expires", "WHEN", take_instant(spec.expires),
                  "when it ends: " + std::string(instant_forms));
  arguments.value("--not-before", "WHEN", take_instant(spec.not_before), "when it begins to be valid");
  arguments.value(
      "--cidr", "NETWORK",
      [&spec](const std::string& given) -> std::string {
        const auto network = parse_network(given);
        if (network) {
          spec.networks.push_back(*network);
          return {};
        }
        const auto meant = enclosing_network(given);
        return "\"" + given + "\" is no network; " +
               (meant ? "did you mean \"" + to_string(*meant) + "\"?" : "write 10.0.0.0/8 or 2001:db8::/32");
      },
      "network that clients must come from", true);
  arguments.flag("--disabled", disabled, "not usable until it is enabled");
  access.declare_for_change(arguments);
  form.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (form.quiet && form.output.json()) return arguments.usage_error("--quiet and --json exclude each other");
  if (!spec.owner.empty() && !spec.assignments.empty()) {
    return arguments.usage_error("a token with --owner has that user's rights and none of its own");
  }

  spec.enabled = !disabled;
  auto store = access.open(StoreAccess::Missing::create);
  if (!store) return exit_failed;
  auto created = store->create_token(access.actor(), std::move(spec));
  if (!created) return fail(created.error());
  return show_secret(form, *created);
}

}  // namespace

const Command token_create{
    "token create",
    "Makes a token and shows its secret, this once.",
    "postern token create --name ci --role shop.reader --expires 90d\n"
    "postern token create --name laptop --owner alice\n"
    "postern token create --name report --grant shop.orders.read=order/42 --cidr 10.0.0.0/8\n"
    "SECRET=$(postern token create --name script --permission shop.orders.read --quiet)",
    create,
};

}  // namespace postern::cli
