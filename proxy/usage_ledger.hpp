// Which tokens a shard has seen, until the control thread writes it down: two tables of fixed size, one being
// filled while the other is read. No lock, no allocation and no write of the store on the request path.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "conf/limits.hpp"
#include "proxy/counter.hpp"
#include "store/usage.hpp"

namespace postern {

/// One entry a token and kind. Entries are filled from the front, so that memory is touched as it is needed.
class UsageTable {
 public:
  UsageTable() noexcept { index_.fill(0); }

  /// False when it is full and the token not in it.
  [[nodiscard]] bool add(const store::TokenKey& token, store::TokenUse::Kind kind,
                         std::span<const std::uint8_t, 16> address, UnixSeconds now) noexcept;
  [[nodiscard]] std::span<const store::TokenUse> uses() const noexcept { return {entries_.data(), size_}; }
  void clear() noexcept {
    if (size_ != 0) index_.fill(0);
    size_ = 0;
  }

 private:
  static constexpr std::size_t slots = 2 * limits::usage_entries_max;  // at most half full: short chains
  std::array<std::uint16_t, slots> index_;                             ///< entry + 1; 0: free
  std::array<store::TokenUse, limits::usage_entries_max> entries_;     // only the first size_ are set
  std::size_t size_ = 0;
};

class UsageLedger {
 public:
  // --- on the shard's thread ---
  void note(const store::TokenKey& token, store::TokenUse::Kind kind,
            std::span<const std::uint8_t, 16> address, UnixSeconds now) noexcept {
    if (filling_->add(token, kind, address, now)) return;
    hand_over();
    if (!filling_->add(token, kind, address, now)) dropped_.add();
  }
  /// Gives what was noted to the control thread, unless that has not yet read the last.
  void hand_over() noexcept {
    if (filling_->uses().empty() || handed_.load(std::memory_order_acquire) != nullptr) return;
    handed_.store(filling_, std::memory_order_release);
    filling_ = filling_ == tables_[0].get() ? tables_[1].get() : tables_[0].get();
  }

  // --- on the control thread ---
  /// Calls `take` with what was handed over, if anything was; then its table is free again.
  template <class Take>
  void collect(Take take) {
    UsageTable* const table = handed_.load(std::memory_order_acquire);
    if (table == nullptr) return;
    take(table->uses());
    table->clear();
    handed_.store(nullptr, std::memory_order_release);
  }
  /// Uses that found both tables full: only their count is lost.
  [[nodiscard]] const Counter& dropped() const noexcept { return dropped_; }

 private:
  std::array<std::unique_ptr<UsageTable>, 2> tables_{std::make_unique<UsageTable>(),
                                                     std::make_unique<UsageTable>()};
  UsageTable* filling_ = tables_[0].get();
  std::atomic<UsageTable*> handed_{nullptr};
  Counter dropped_;
};

}  // namespace postern
