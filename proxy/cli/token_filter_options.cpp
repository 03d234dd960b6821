#include "proxy/cli/token_filter_options.hpp"

#include <algorithm>
#include <array>

#include "conf/diagnostic.hpp"
#include "conf/option.hpp"
#include "proxy/cli/instant_option.hpp"
#include "store/validity.hpp"

namespace postern::cli {
namespace {

using store::TokenFilter;
using store::TokenState;

/// Takes a value into a filter; what is wrong with it, or empty.
using Take = std::string (*)(TokenFilter&, const std::string&);

template <std::string TokenFilter::*member>
std::string take_text(TokenFilter& filter, const std::string& given) {
  if (given.empty()) return "it is empty";
  filter.*member = given;
  return {};
}

std::string take_state(TokenFilter& filter, const std::string& given) {
  constexpr std::array states = {TokenState::valid,    TokenState::not_yet_valid,  TokenState::expired,
                                 TokenState::disabled, TokenState::owner_disabled, TokenState::canary};
  std::string known;
  for (const TokenState state : states) {
    const std::string_view name = store::to_string(state);
    if (name == given) {
      filter.state = state;
      filter.now = now();
      return {};
    }
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return "\"" + given + "\" is none of: " + known;
}

std::string take_expiring(TokenFilter& filter, const std::string& given) {
  const auto duration = parse_duration(given);
  if (!duration) return "\"" + given + "\" is no duration; write 12h or 30d";
  filter.now = filter.expires_after = now();
  filter.expires_until = std::min<UnixSeconds>(
      filter.now + std::chrono::ceil<std::chrono::seconds>(*duration).count(), store::time_max);
  return {};
}

std::string take_unused(TokenFilter& filter, const std::string& given) {
  const auto duration = parse_duration(given);
  if (!duration) return "\"" + given + "\" is no duration; write 12h or 90d";
  filter.unused_since =
      std::max<UnixSeconds>(now() - std::chrono::floor<std::chrono::seconds>(*duration).count(), 1);
  return {};
}

/// A condition: `--<key>` of a listing, `--where <key>=…` of a change.
struct Condition {
  std::string_view key;
  std::string_view placeholder;
  std::string_view meaning;
  Take take;
};
constexpr std::array conditions = {
    Condition{"name", "TEXT", "only those with this in their name, in whatever case",
              take_text<&TokenFilter::name>},
    Condition{"owner", "USER", "only tokens of this user", take_text<&TokenFilter::owner>},
    Condition{"group", "ID", "only those in this group, themselves or their owners",
              take_text<&TokenFilter::group>},
    Condition{"role", "ID", "only those with this role, likewise", take_text<&TokenFilter::role>},
    Condition{"permission", "ID", "only those with this permission, through roles and on a resource too",
              take_text<&TokenFilter::permission>},
    Condition{"license", "ID", "only those with this license", take_text<&TokenFilter::license>},
    Condition{"state", "STATE", "valid, not_yet_valid, expired, disabled or owner_disabled", take_state},
    Condition{"expiring", "DURATION", "only those that end within 30d, say, from now on", take_expiring},
    Condition{"unused", "DURATION", "only those not used for 90d, say, nor made since then", take_unused},
};

}  // namespace

void declare_filter(Arguments& arguments, TokenFilter& filter) {
  for (const Condition& condition : conditions) {
    const Take take = condition.take;
    arguments.value(
        "--" + std::string(condition.key), std::string(condition.placeholder),
        [&filter, take](const std::string& given) { return take(filter, given); },
        std::string(condition.meaning));
  }
}

void declare_where(Arguments& arguments, TokenFilter& filter) {
  const auto take = [&filter](const std::string& given) -> std::string {
    const std::size_t equals = given.find('=');
    const std::string key = given.substr(0, equals);
    std::vector<std::string_view> keys;
    for (const Condition& condition : conditions) {
      keys.push_back(condition.key);
      if (condition.key != key) continue;
      if (equals == std::string::npos) return "write " + key + "=" + std::string(condition.placeholder);
      return condition.take(filter, given.substr(equals + 1));
    }
    const std::string_view near = nearest(key, keys);
    return "unknown condition \"" + key + "\"" +
           (near.empty() ? "; see the options of postern token list"
                         : "; did you mean " + std::string(near) + "?");
  };
  arguments.value("--where", "KEY=VALUE", take,
                  "all that meet this, as in token list: owner=alice, state=expired, expiring=7d …", true);
}

}  // namespace postern::cli
