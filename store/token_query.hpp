// Which tokens are meant: the filter of a listing or of a change to many, and the order of the answer.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "store/reader.hpp"
#include "store/store.hpp"

namespace postern::store {

/// All conditions that are set must hold. What a token has counts whether it is its own or its owner's; a
/// permission whether it is held directly, through a role or on a resource only.
struct TokenFilter {
  std::string name;  ///< stands in the token's name, in whatever case (ASCII)
  std::string owner, group, role, permission, license;  ///< ids; empty: any
  std::optional<TokenState> state;                      ///< at `now`
  UnixSeconds expires_after = 0;                        ///< with expires_until: later than this
  UnixSeconds expires_until = 0;                        ///< not later than this; 0 = whenever or never
  UnixSeconds unused_since = 0;  ///< not used, or made, from then on, as far as servers have said; 0 = any
  UnixSeconds now = 0;

  [[nodiscard]] bool empty() const noexcept;
};

enum class TokenOrder : std::uint8_t { id, name, created, expires };  ///< never expires: last

/// One page. `after` is the last id of the page before, of a token that must still exist unless the order is
/// that of ids.
struct TokenQuery {
  TokenFilter filter;
  TokenOrder order = TokenOrder::id;
  bool reverse = false;
  std::string after;
  std::size_t limit = 100;  ///< 0 = all
};

}  // namespace postern::store
