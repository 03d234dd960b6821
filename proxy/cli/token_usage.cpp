#include "proxy/cli/token_usage.hpp"

#include <boost/json.hpp>

#include "proxy/address.hpp"
#include "store/instant.hpp"
#include "store/token_id.hpp"
#include "store/usage.hpp"

namespace postern::cli {

Status add_usage(boost::json::object& record, const store::Store& store, std::string_view id) {
  const auto key = store::parse_token_id(id);
  POSTERN_TRY(const auto snapshot, store::UsageSnapshot::open(store));
  POSTERN_TRY(const auto usage, snapshot.of(key.value_or(store::TokenKey{})));
  record["first_used"] = record["last_used"] = record["last_client"] = nullptr;
  record["uses"] = usage ? usage->count : 0;
  if (!usage) return {};
  record["first_used"] = store::format_instant(usage->first);
  record["last_used"] = store::format_instant(usage->last);
  if (usage->address == std::array<std::uint8_t, 16>{}) return {};  // over a Unix socket
  BoundedText<46> address;
  spell_address(usage->address, address);
  record["last_client"] = std::string(address.view());
  return {};
}

}  // namespace postern::cli
