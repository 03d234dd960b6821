// Looking at tokens, switching them off and on, deleting them.

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/instant_option.hpp"
#include "proxy/cli/listing.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/record.hpp"
#include "proxy/cli/store_access.hpp"

namespace postern::cli {
namespace {

/// Records of tokens with their state. Owners are read once each.
class TokenRecords {
 public:
  explicit TokenRecords(const store::Store& store) : store_(store), now_(now()) {}

  boost::json::object of(const store::Token& token) {
    return record_of(token, state_of(token, owner(token.owner), now_));
  }

 private:
  const store::User* owner(const std::string& id) {
    if (id.empty()) return nullptr;
    auto found = owners_.find(id);
    if (found == owners_.end()) {
      auto user = store_.user(id);
      std::optional<store::User> known;
      if (user) known = std::move(*user);
      found = owners_.emplace(id, std::move(known)).first;
    }
    return found->second ? &*found->second : nullptr;
  }

  const store::Store& store_;
  UnixSeconds now_;
  std::map<std::string, std::optional<store::User>> owners_;
};

/// "not yet valid"
std::string in_words(std::string_view state) {
  std::string words(state);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
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
  auto tokens = store->tokens(listing.page());
  if (!tokens) return fail(tokens.error());
  listing.cut(*tokens);
  TokenRecords records(*store);
  boost::json::array array;
  for (const store::Token& token : *tokens) {
    boost::json::object record = records.of(token);
    if (!output.json()) record["state"] = in_words(record["state"].get_string());
    array.push_back(std::move(record));
  }
  return output.table(array, {"id", "name", "state", "owner", "expires"});
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
  return output.record(TokenRecords(*store).of(*token));
}

int set_enabled(Arguments& arguments, bool enabled) {
  std::string id;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "the token's id");
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  auto store = access.open();
  if (!store) return exit_failed;
  if (const auto done = store->set_token_enabled(access.actor(), id, enabled); !done)
    return fail(done.error());
  const auto token = store->token(id);
  if (!token) return fail(token.error());
  return output.done((enabled ? "enabled token " : "disabled token ") + id, TokenRecords(*store).of(*token));
}

int remove(Arguments& arguments) {
  std::string id;
  StoreAccess access;
  Output output;
  arguments.operand("ID", id, "the token's id");
  access.declare_for_change(arguments);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  auto store = access.open();
  if (!store) return exit_failed;
  if (const auto done = store->delete_token(access.actor(), id); !done) return fail(done.error());
  return output.done("deleted token " + id, {{"id", id}, {"deleted", true}});
}

}  // namespace

const Command token_list{
    "token list",
    "Lists tokens in order of id, with their state.",
    "postern token list\n"
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
    "Makes a disabled token usable again.",
    "postern token enable tok_4f9Zk2LmQ8xR1bTa",
    [](Arguments& arguments) { return set_enabled(arguments, true); },
};

const Command token_disable{
    "token disable",
    "Refuses a token from the next request on, until it is enabled again.",
    "postern token disable tok_4f9Zk2LmQ8xR1bTa --reason \"laptop stolen\"",
    [](Arguments& arguments) { return set_enabled(arguments, false); },
};

const Command token_delete{
    "token delete",
    "Deletes a token; it is refused from the next request on.",
    "postern token delete tok_4f9Zk2LmQ8xR1bTa",
    remove,
};

}  // namespace postern::cli
