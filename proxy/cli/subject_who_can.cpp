#include <boost/json.hpp>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/store_access.hpp"
#include "store/why.hpp"

namespace postern::cli {
namespace {

std::string subject_of(const store::Holder& holder) {
  return (holder.is_user ? "user:" : "token:") + holder.id;
}

/// The words of the `user list` and `token list` for what it is worth now.
std::string_view state_of(const store::Holder& holder) noexcept {
  if (!holder.is_user) return store::to_string(holder.state);
  return holder.state == store::TokenState::valid ? "enabled" : "disabled";
}

boost::json::object record_of(const store::Holder& holder) {
  boost::json::array via;
  if (holder.directly) via.emplace_back("directly");
  for (const std::string& role : holder.roles) via.emplace_back("role " + role);
  for (const std::string& resource : holder.resources) via.emplace_back("on " + resource + " only");
  return {{"subject", subject_of(holder)},
          {"name", holder.name},
          {"state", state_of(holder)},
          {"via", std::move(via)},
          {"tokens", holder.is_user ? boost::json::value(holder.tokens) : boost::json::value()}};
}

int who_can(Arguments& arguments) {
  store::WhoCanQuery query;
  std::uint64_t limit = 100;
  StoreAccess access;
  Output output;
  arguments.operand("PERMISSION", query.permission, "the permission's id");
  arguments.number("--limit", limit, 1'000'000'000, "how many at most, 100 unless given; 0: all");
  arguments.text("--after", "SUBJECT", query.after, "go on after this one, user:ID or token:ID");
  access.declare(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const auto store = access.open();
  if (!store) return exit_failed;
  query.now = now();
  query.limit = limit == 0 ? 0 : static_cast<std::size_t>(limit) + 1;
  auto found = store->who_can(query);
  if (!found) return fail(found.error());
  if (limit != 0 && found->holders.size() > limit) {
    found->holders.resize(static_cast<std::size_t>(limit));
    complain("there are more; go on with --after " + subject_of(found->holders.back()) +
             ", or see all with --limit 0");
  }
  boost::json::array records;
  for (const store::Holder& holder : found->holders) records.push_back(record_of(holder));
  return output.table(records, {"subject", "name", "state", "via", "tokens"});
}

}  // namespace

const Command subject_who_can{
    "subject who-can",
    "Lists who holds a permission and how: users, whose tokens follow them, then tokens without an owner.",
    "postern subject who-can shop.orders.read\n"
    "postern subject who-can shop.orders.read --limit 0 --json",
    who_can,
};

}  // namespace postern::cli
