// What the audit log says about a change: a JSON object with "before" and "after", of an update only the
// fields that differ. Never a secret or its hash.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "store/store.hpp"

namespace postern::store {

[[nodiscard]] std::string change_of(const Entity* before, const Entity* after);
[[nodiscard]] std::string change_of(const User* before, const User* after);
[[nodiscard]] std::string change_of(const Token* before, const Token* after);

/// A rotation: `grace_until` 0 means that the old secret died at once.
[[nodiscard]] std::string rotation_change(UnixSeconds grace_until, UnixSeconds expires_before,
                                          UnixSeconds expires_after);

/// A deleted user, whose tokens went along.
[[nodiscard]] std::string user_deletion(const User& before, std::size_t tokens);

/// From which file a declared store gets its contents; empty: managed by commands.
[[nodiscard]] std::string declaration_change(std::string_view before, std::string_view after);

/// A batch of the many tokens of a user who is being deleted.
[[nodiscard]] std::string tokens_deletion(std::size_t tokens);

/// Many tokens made at once: how many, the ids of the first and the last, and the SHA-256 over all ids, each
/// followed by a line feed, in the order they were given.
[[nodiscard]] std::string batch_change(std::size_t count, std::string_view first, std::string_view last,
                                       std::string_view ids_sha256);

}  // namespace postern::store
