// When tokens were used, by whom and how often: in an environment of its own, so that counting never waits
// for those who change the store, nor they for it. Losing it loses no right.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "store/store.hpp"
#include "store/token_id.hpp"

namespace postern::store {

/// What was seen of one token for a while. Trivial, so that tables of them cost nothing until they are used.
struct TokenUse {
  enum class Kind : std::uint8_t {
    use = 0,      ///< it was valid
    rotated = 1,  ///< an old secret of it was shown after its grace
    canary = 2,   ///< it was laid out as a trap
  };
  std::array<char, sizeof(TokenKey)> token;  ///< bytes of its key
  std::uint32_t count;
  std::array<std::uint8_t, 16> address;  ///< of the last client, IPv4 as mapped IPv6; zeros: none
  UnixSeconds first, last;
  Kind kind;
};

/// What is known of a token's uses.
struct Usage {
  UnixSeconds first = 0, last = 0;
  std::array<std::uint8_t, 16> address = {};  ///< of the last client; zeros: it had none
  std::uint64_t count = 0;
  friend bool operator==(const Usage&, const Usage&) = default;
};
/// Value of `usage`, under the token's key.
[[nodiscard]] std::string encode(const Usage& usage);
[[nodiscard]] bool decode(std::string_view bytes, Usage& usage) noexcept;

/// Adds to what is known, in one transaction; the sums are right whoever else adds. A record that does not
/// decode is begun anew; of a token that is gone none is begun. Errors: unavailable, exhausted.
[[nodiscard]] Status add_uses(const Store& store, std::span<const TokenUse> uses);

/// How many records do not decode. Errors: unavailable.
[[nodiscard]] Result<std::uint64_t> count_broken_usages(const Environment& environment);

/// One moment of the usage environment, for many questions.
class UsageSnapshot {
 public:
  [[nodiscard]] static Result<UsageSnapshot> open(const Environment& environment);
  [[nodiscard]] static Result<UsageSnapshot> open(const Store& store) { return open(store.environment()); }
  UsageSnapshot(UsageSnapshot&&) noexcept;
  UsageSnapshot& operator=(UsageSnapshot&&) noexcept;
  ~UsageSnapshot();
  /// Nothing when it was never used, as far as is known.
  [[nodiscard]] Result<std::optional<Usage>> of(const TokenKey& token) const;

 private:
  struct Impl;
  explicit UsageSnapshot(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Drops records of tokens that no longer exist: a walk over all records, a part at a time, whenever the
/// store was changed since the last one began.
class UsageSweep {
 public:
  /// Looks at the next `limit` records. False when there is nothing to look for. Errors: unavailable,
  /// exhausted; then the walk begins again.
  [[nodiscard]] Result<bool> turn(const Store& store, std::size_t limit);

 private:
  std::string after_;              ///< key of the next record to look at; empty: no walk is under way
  std::uint64_t begun_after_ = 0;  ///< the store's last commit when the walk began; 0: none did
};

}  // namespace postern::store
