// What a rule demands of the request itself: query, header fields, the client's address. Conditions never
// select a rule; a failed one denies.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.hpp"

namespace postern::policy {

/// A place in one of the policy's files.
struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t file = 0;  ///< index into Policy::files(): 0 is the one that includes the others
};

struct Condition {
  enum class On : std::uint8_t { query = 0, header, client };
  /// Of a name that comes several times, every value is looked at: one_of wants all of them to be among the
  /// values and at least one to be there, none_of none of them.
  enum class Test : std::uint8_t { one_of = 0, none_of, present, absent };
  On on = On::query;
  Test test = Test::one_of;
  Place place;
  std::string name;                 ///< of the parameter, or of the field in lower case
  std::vector<std::string> values;  ///< of a query decoded
  std::vector<Network> networks;    ///< of client
};
[[nodiscard]] std::string_view to_string(Condition::On on) noexcept;
/// "query version", "header x-tenant", "client"
[[nodiscard]] std::string to_string(const Condition& condition);

/// A field of the request that the upstream will see.
struct HeaderField {
  std::string_view name, value;
};

/// What conditions look at. Borrowed.
struct ConditionInput {
  std::string_view query;                ///< raw, without '?'
  std::span<const HeaderField> headers;  ///< only what passes to the upstream
  /// IPv4 as mapped IPv6; all zero is within no network.
  std::span<const std::uint8_t, 16> client;
  bool client_only = false;  ///< the rest is not known (any more): only conditions on the client count
};

/// The first condition that does not hold, or null. A query that two readers could read differently (';', a
/// broken escape) meets no condition on the query. Allocates nothing.
[[nodiscard]] const Condition* first_failed(std::span<const Condition> conditions,
                                            const ConditionInput& input) noexcept;

}  // namespace postern::policy
