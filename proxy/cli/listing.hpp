// Pages of a listing that is in order of id.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cli/arguments.hpp"
#include "proxy/cli/output.hpp"
#include "store/store.hpp"

namespace postern::cli {

/// --limit and --after.
struct Listing {
  std::uint64_t limit = 100;  ///< 0 = all
  std::string after;

  void declare(Arguments& arguments) {
    arguments.number("--limit", limit, 1'000'000'000, "how many at most, 100 unless given; 0: all");
    arguments.text("--after", "ID", after, "go on after this id");
  }

  /// Asks for one more than wanted, so that cut() knows whether there is more.
  [[nodiscard]] store::Page page() const {
    return {after, limit == 0 ? 0 : static_cast<std::size_t>(limit) + 1};
  }

  /// Drops the one too many and says on standard error how to see the rest.
  template <class Record>
  void cut(std::vector<Record>& records) const {
    if (limit == 0 || records.size() <= limit) return;
    records.resize(static_cast<std::size_t>(limit));
    complain("there are more; go on with --after " + records.back().id + ", or see all with --limit 0");
  }
};

}  // namespace postern::cli
