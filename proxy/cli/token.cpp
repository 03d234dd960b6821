// Looking at tokens, switching them off and on, deleting them.

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/listing.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/store_access.hpp"
#include "proxy/cli/token_filter_options.hpp"
#include "proxy/cli/token_records.hpp"
#include "proxy/cli/token_selection.hpp"
#include "proxy/cli/token_usage.hpp"

namespace postern::cli {
namespace {

/// "not yet valid"
std::string in_words(std::string_view state) {
  std::string words(state);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string take_order(store::TokenOrder& order, const std::string& given) {
  using store::TokenOrder;
  constexpr std::pair<std::string_view, TokenOrder> orders[] = {{"id", TokenOrder::id},
                                                                {"name", TokenOrder::name},
                                                                {"created", TokenOrder::created},
                                                                {"expires", TokenOrder::expires}};
  for (const auto& [name, value] : orders) {
    if (name != given) continue;
    order = value;
    return {};
  }
  return "\"" + given + "\" is none of: id, name, created, expires";
}

int list(Arguments& arguments) {
  store::TokenQuery query;
  Listing listing;
  StoreAccess access;
  Output output;
  declare_filter(arguments, query.filter);
  arguments.value(
      "--sort", "KEY", [&query](const std::string& given) { return take_order(query.order, given); },
      "id, the default, name, created or expires");
  arguments.flag("--reverse", query.reverse, "the last first");
  listing.declare(arguments);
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  query.after = listing.page().after;
  query.limit = listing.page().limit;
  auto tokens = store->find_tokens(query);
  if (!tokens) return fail(tokens.error());
  listing.cut(*tokens);
  TokenRecords records(*store);
  boost::json::array array;
  for (const store::Token& token : *tokens) {
    boost::json::object record = records.of(token);
    if (!output.json()) record["state"] = in_words(record["state"].get_string());
    array.push_back(std::move(record));
  }
  const int printed = output.table(array, {"id", "name", "state", "owner", "expires"});
  const bool warned = query.filter.expires_until != 0 && !array.empty();
  return printed == exit_done && warned ? exit_found : printed;
}

int show(Arguments& arguments) {
  std::string id;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "the token's id");
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  const auto token = store->token(id);
  if (!token) return fail(token.error());
  boost::json::object record = TokenRecords(*store).of(*token);
  if (const Status added = add_usage(record, *store, id); !added) return fail(added.error());
  return output.record(record);
}

int set_enabled(Arguments& arguments, bool enabled) {
  TokenSelection selection;
  StoreAccess access;
  Output output;
  selection.declare(arguments);
  if (enabled) {
    access.declare_for_change(arguments);
  } else {
    access.declare_for_risky_change(arguments);
  }
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (!selection.check(arguments)) return exit_usage;

  auto store = access.open();
  if (!store) return exit_failed;
  const ActionWords words = enabled ? ActionWords{"enable", "enabled"} : ActionWords{"disable", "disabled"};
  if (!selection.one()) {
    store::TokenAction action;
    action.change.enabled = enabled;
    return change_tokens(selection, *store, access, output, action, words, nullptr);
  }
  if (const auto done = store->set_token_enabled(access.actor(), selection.id(), enabled); !done)
    return fail(done.error());
  return answer_with_token(output, *store, words.done, selection.id());
}

int remove(Arguments& arguments) {
  TokenSelection selection;
  StoreAccess access;
  Output output;
  selection.declare(arguments);
  access.declare_for_risky_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (!selection.check(arguments)) return exit_usage;

  auto store = access.open();
  if (!store) return exit_failed;
  const std::string& id = selection.id();
  if (!selection.one()) {
    store::TokenAction action;
    action.what = store::TokenAction::What::remove;
    return change_tokens(selection, *store, access, output, action, {"delete", "deleted"}, nullptr);
  }
  if (const auto done = store->delete_token(access.actor(), id); !done) return fail(done.error());
  return output.done("deleted token " + id, {{"id", id}, {"deleted", true}});
}

}  // namespace

const Command token_list{
    "token list",
    "Lists tokens with their state: all, or those that meet every condition. With --expiring it exits "
    "with 3 when there are any, for cron.",
    "postern token list\n"
    "postern token list --owner alice --state valid --sort expires\n"
    "postern token list --permission shop.orders.read --name CI\n"
    "postern token list --expiring 30d\n"
    "postern token list --limit 1000 --after tok_4f9Zk2LmQ8xR1bTa --json",
    list,
};

const Command token_show{
    "token show",
    "Shows a token and what it may do; never its secret.",
    "postern token show tok_4f9Zk2LmQ8xR1bTa",
    show,
};

const Command token_enable{
    "token enable",
    "Makes a disabled token, or many, usable again.",
    "postern token enable tok_4f9Zk2LmQ8xR1bTa\n"
    "postern token enable --where state=disabled --where name=ci",
    [](Arguments& arguments) { return set_enabled(arguments, true); },
};

const Command token_disable{
    "token disable",
    "Refuses a token, or many, from the next request on, until it is enabled again.",
    "postern token disable tok_4f9Zk2LmQ8xR1bTa --reason \"laptop stolen\"\n"
    "postern token list --owner alice | postern token disable --file - --dry-run",
    [](Arguments& arguments) { return set_enabled(arguments, false); },
};

const Command token_delete{
    "token delete",
    "Deletes a token, or many; they are refused from the next request on.",
    "postern token delete tok_4f9Zk2LmQ8xR1bTa\n"
    "postern token delete --where state=expired --reason \"yearly cleaning\"",
    remove,
};

}  // namespace postern::cli
