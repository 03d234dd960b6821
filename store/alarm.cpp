#include "store/alarm.hpp"

#include <boost/json.hpp>

#include "conf/option.hpp"
#include "store/change.hpp"
#include "store/environment.hpp"
#include "store/tokens.hpp"

namespace postern::store {

Status record_alarm(const Store& store, const Actor& actor, const TokenUse& use) {
  const auto key = token_key({use.token.data(), use.token.size()});
  if (!key) return {};
  POSTERN_TRY(Mutation mutation, Mutation::begin(store.environment(), actor, Mutation::Purpose::upkeep));
  Network client = {{}, 128};
  std::copy(use.address.begin(), use.address.end(), client.address);
  const boost::json::object change{{"client", to_string(client)}, {"uses", use.count}, {"at", use.last}};
  const std::string_view action =
      use.kind == TokenUse::Kind::canary ? "token.canary_used" : "token.old_secret_used";
  POSTERN_TRY_STATUS(mutation.record(action, token_id_text(*key), boost::json::serialize(change)));
  return mutation.finish();
}

Result<bool> disable_token(const Store& store, const Actor& actor, const TokenKey& key) {
  const std::string id = token_id_text(key);
  POSTERN_TRY(Mutation mutation, Mutation::begin(store.environment(), actor, Mutation::Purpose::upkeep));
  auto stored = load_token(mutation.transaction(), id);
  if (!stored && stored.error().kind == ErrorKind::not_found) return false;
  if (!stored) return stored.error();
  if (!stored->token.enabled) return false;
  Token after = stored->token;
  after.enabled = false;
  after.reuse_seen = true;
  POSTERN_TRY_STATUS(rewrite_token(mutation, *stored, after));
  POSTERN_TRY_STATUS(mutation.record("token.disable", id, change_of(&stored->token, &after)));
  POSTERN_TRY_STATUS(mutation.finish());
  return true;
}

}  // namespace postern::store
