#include "conf/option.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/token_selection.hpp"

namespace postern::cli {
namespace {

int rotate(Arguments& arguments) {
  TokenSelection selection;
  store::TokenAction action;
  action.what = store::TokenAction::What::rotate;
  store::RotateOptions& options = action.rotation;
  StoreAccess access;
  SecretForm form;
  selection.declare(arguments);
  arguments.value(
      "--grace", "DURATION",
      [&options](const std::string& given) -> std::string {
        const auto grace = parse_duration(given);
        if (!grace) return "\"" + given + "\" is no duration; write 90s, 30m, 24h or 7d";
        options.grace = std::chrono::ceil<std::chrono::seconds>(*grace);
        return {};
      },
      "how long the old secret goes on working; not at all unless given");
  arguments.value("--expires", "WHEN", take_instant(options.expires),
                  "new end: " + std::string(instant_forms));
  access.declare_for_change(arguments);
  form.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (form.quiet && form.output.json()) return arguments.usage_error("--quiet and --json exclude each other");
  if (!selection.check(arguments)) return exit_usage;

  auto store = access.open();
  if (!store) return exit_failed;
  if (!selection.one())
    return change_tokens(selection, *store, access, form.output, action, {"rotate", "rotated"}, &form);
  auto rotated = store->rotate_token(access.actor(), selection.id(), options);
  if (!rotated) return fail(rotated.error());
  return show_secret(form, *rotated);
}

}  // namespace

const Command token_rotate{
    "token rotate",
    "Gives a token, or many, a new secret and shows it, this once; id and settings stay.",
    "postern token rotate tok_4f9Zk2LmQ8xR1bTa\n"
    "postern token rotate tok_4f9Zk2LmQ8xR1bTa --grace 24h --expires 90d\n"
    "postern token rotate --where owner=alice --grace 1h --json",
    rotate,
};

}  // namespace postern::cli
