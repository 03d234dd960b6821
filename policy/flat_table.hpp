// Hash tables for looking up only: filled once when a policy is compiled, then read by every shard. Open
// addressing in one array, at most half full; nothing is ever erased and a look-up allocates nothing.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::policy {

/// Numbers texts from 1 in order of insertion. 0 means "not there".
class TextTable {
 public:
  std::uint32_t insert(std::string_view text);
  [[nodiscard]] std::uint32_t find(std::string_view text) const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return texts_.size(); }

 private:
  struct Slot {
    std::uint32_t hash = 0;  ///< upper half of the hash: keeps foreign texts from being compared
    std::uint32_t number = 0;
  };
  void place(std::uint32_t number);

  std::vector<std::string> texts_;
  std::vector<Slot> slots_;  ///< a power of two, or empty
};

/// The child of a node under a numbered literal. 0 means "none": the root is nobody's child.
class EdgeTable {
 public:
  void insert(std::uint32_t node, std::uint32_t literal, std::uint32_t child);
  [[nodiscard]] std::uint32_t find(std::uint32_t node, std::uint32_t literal) const noexcept;

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t child = 0;
  };
  void place(const Slot& edge);

  std::size_t count_ = 0;
  std::vector<Slot> slots_;  ///< a power of two, or empty
};

}  // namespace postern::policy
