#include <boost/json.hpp>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/assignment_options.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/listing.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/record.hpp"
#include "proxy/cli/store_access.hpp"

namespace postern::cli {
namespace {

/// Answers with the user as now stored.
int answer(const Output& output, const store::Store& store, std::string_view done, const std::string& id) {
  const auto user = store.user(id);
  if (!user) return fail(user.error());
  return output.done(std::string(done) + " user " + id, record_of(*user));
}

int create(Arguments& arguments) {
  store::User user;
  bool disabled = false;
  StoreAccess access;
  Output output;
  arguments.operand("ID", user.id, "letters, digits and ._@-, like alice or alice@shop.example");
  arguments.text("--name", "TEXT", user.name, "what people call them");
  arguments.text("--email", "ADDRESS", user.email, "where to write to them");
  arguments.flag("--disabled", disabled, "none of their tokens works until they are enabled");
  arguments.value("--enabled-until", "WHEN", take_instant(user.enabled_until),
                  "when that ends: " + std::string(instant_forms));
  declare_assignments(arguments, user.assignments);
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (disabled && user.enabled_until != 0) {
    return arguments.usage_error("--disabled and --enabled-until exclude each other");
  }

  if (disabled) user.status = store::UserStatus::disabled;
  if (user.enabled_until != 0) user.status = store::UserStatus::enabled_until;
  auto store = access.open(StoreAccess::Missing::create);
  if (!store) return exit_failed;
  if (const auto done = store->create_user(access.actor(), user); !done) return fail(done.error());
  return answer(output, *store, "created", user.id);
}

int list(Arguments& arguments) {
  Listing listing;
  StoreAccess access;
  Output output;
  listing.declare(arguments);
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  auto users = store->users(listing.page());
  if (!users) return fail(users.error());
  listing.cut(*users);
  boost::json::array records;
  for (const store::User& user : *users) records.push_back(record_of(user));
  return output.table(records, {"id", "name", "status", "roles", "groups"});
}

int show(Arguments& arguments) {
  std::string id;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "the user's id");
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  const auto user = store->user(id);
  if (!user) return fail(user.error());
  return output.record(record_of(*user));
}

int update(Arguments& arguments) {
  std::string id;
  store::UserChange change;
  bool enable = false, disable = false;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "the user's id");
  arguments.text("--name", "TEXT", change.name, "what people call them");
  arguments.text("--email", "ADDRESS", change.email, "where to write to them");
  arguments.flag("--enable", enable, "let their tokens work, without end");
  arguments.flag("--disable", disable, "refuse all their tokens from the next request on");
  arguments.value("--enabled-until", "WHEN", take_instant(change.enabled_until),
                  "when that ends: " + std::string(instant_forms));
  declare_assignment_change(arguments, change.assignments);
  access.declare_for_risky_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();
  if (int{enable} + int{disable} + int{change.enabled_until.has_value()} > 1) {
    return arguments.usage_error("--enable, --disable and --enabled-until exclude each other");
  }

  if (disable) change.status = store::UserStatus::disabled;
  if (change.enabled_until) change.status = store::UserStatus::enabled_until;
  // "until never" says that there is no end.
  if (enable || change.enabled_until == UnixSeconds{0}) change.status = store::UserStatus::enabled;
  if (!change.name && !change.email && !change.status && is_empty(change.assignments)) {
    return arguments.usage_error("nothing to change");
  }
  auto store = access.open();
  if (!store) return exit_failed;
  if (const auto done = store->update_user(access.actor(), id, change); !done) return fail(done.error());
  return answer(output, *store, "updated", id);
}

int remove(Arguments& arguments) {
  std::string id;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "the user's id");
  access.declare_for_risky_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  auto store = access.open();
  if (!store) return exit_failed;
  if (const auto done = store->delete_user(access.actor(), id); !done) return fail(done.error());
  return output.done("deleted user " + id + " and their tokens", {{"id", id}, {"deleted", true}});
}

}  // namespace

const Command user_create{
    "user create",
    "Makes a user, whose tokens have the user's rights.",
    "postern user create carol --name Carol --email carol@shop.example --role shop.reader\n"
    "postern user create dave --enabled-until 2099-12-31 --group staff",
    create,
};

const Command user_list{
    "user list",
    "Lists users in order of id.",
    "postern user list",
    list,
};

const Command user_show{
    "user show",
    "Shows a user and what they may do.",
    "postern user show alice",
    show,
};

const Command user_update{
    "user update",
    "Changes a user, and with them all their tokens, at once.",
    "postern user update alice --add-role shop.writer --remove-group staff\n"
    "postern user update alice --set-role shop.reader --name \"Alice A.\"\n"
    "postern user update alice --disable --reason \"left the company\"",
    update,
};

const Command user_delete{
    "user delete",
    "Deletes a user and their tokens.",
    "postern user delete alice",
    remove,
};

}  // namespace postern::cli
