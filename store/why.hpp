// What a subject may do and why, for people who ask.

#pragma once

#include <string>
#include <vector>

#include "store/reader.hpp"
#include "store/store.hpp"

namespace postern::store {

/// Whether a token would be let in at `now`, its client address aside. `owner` is the owner's record: null
/// pointer when it has none or the record is gone.
[[nodiscard]] TokenState state_of(const Token& token, const User* owner, UnixSeconds now) noexcept;

/// A permission on every resource, and all that gives it.
struct HeldPermission {
  std::string id;
  bool directly = false;
  std::vector<std::string> roles;  ///< ids of those that give it, sorted
};

/// A license somebody holds; without being enabled it opens nothing.
struct HeldLicense {
  std::string id;
  bool enabled = true;
};

/// What a token may do. All of it is its owner's when it has one.
struct TokenRights {
  Token token;
  std::string owner_name;
  TokenState state = TokenState::unknown;  ///< anything but valid: nothing at all, for now
  std::vector<HeldPermission> permissions;
  Assignments held;  ///< by itself or by its owner
  std::vector<HeldLicense> licenses;
};

struct WhoCanQuery {
  std::string permission;
  std::string
      after;  ///< "user:alice" or "token:tok_…", the last of the page before; empty: from the beginning
  std::size_t limit = 100;  ///< 0 = all
  UnixSeconds now = 0;
};

/// Somebody who holds a permission: a user, or a token without an owner.
struct Holder {
  bool is_user = false;
  std::string id;
  std::string name;
  bool directly = false;
  std::vector<std::string> roles;          ///< that give it
  std::vector<std::string> resources;      ///< on which alone it is held, by grants
  TokenState state = TokenState::unknown;  ///< of a user: valid or owner_disabled
  std::uint64_t tokens = 0;                ///< of a user
};

struct WhoCan {
  std::vector<Holder> holders;
};

}  // namespace postern::store
