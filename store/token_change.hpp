// Changes of tokens that exist, one at a time or many alike.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace postern::store {

/// What to change of a token; what is empty stays.
struct TokenChange {
  std::optional<std::string> name, description;
  std::optional<std::string> owner;  ///< a user takes the place of all own assignments; empty: none any more
  std::optional<UnixSeconds> not_before, expires;  ///< 0 = none
  std::optional<bool> enabled;
  std::optional<std::vector<Network>> set_networks;  ///< replaces, then `add`, then `remove`
  std::vector<Network> add_networks, remove_networks;
  AssignmentChange assignments;
};

/// What is done to many tokens alike.
struct TokenAction {
  enum class What : std::uint8_t { update, rotate, remove };
  What what = What::update;
  TokenChange change;      ///< with update
  RotateOptions rotation;  ///< with rotate
};

struct ActionReport {
  std::size_t changed = 0;            ///< rotated and deleted ones included
  std::size_t unchanged = 0;          ///< were so already
  std::vector<CreatedToken> rotated;  ///< the only sight of their secrets; wipe them
};

}  // namespace postern::store
