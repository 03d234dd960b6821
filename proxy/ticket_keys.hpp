// The keys of TLS session tickets: every shard has the same ones at the same time without asking another, so
// that a client may come back to any of them.

#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "proxy/deadline.hpp"

namespace postern {

/// What one ticket is sealed with (RFC 5077 §4).
struct TicketKey {
  std::array<std::uint8_t, 16> name{};
  std::array<std::uint8_t, 32> cipher{};
  std::array<std::uint8_t, 32> mac{};
};

/// A chain of keys: each follows from a secret that is hashed on to the next one and then forgotten, so that
/// who takes the process's memory cannot open tickets of yesterday. Copies go on alike.
class TicketKeys {
 public:
  static constexpr std::chrono::hours lifetime{12};  ///< then new tickets get the next key

  /// Of a new random secret, from `now` on.
  [[nodiscard]] static TicketKeys make(Clock::time_point now) noexcept;
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = default;
  TicketKeys& operator=(const TicketKeys&) = default;

  /// What new tickets are sealed with.
  [[nodiscard]] const TicketKey& current(Clock::time_point now) noexcept;
  /// The key of this name: the current one or the one before; null when it is too old, or not ours.
  [[nodiscard]] const TicketKey* find(std::span<const std::uint8_t, 16> name, Clock::time_point now) noexcept;

 private:
  TicketKeys() = default;
  void advance(Clock::time_point now) noexcept;
  void step() noexcept;

  std::array<std::uint8_t, 32> secret_{};  ///< of the key after the current one
  TicketKey current_, previous_;
  Clock::time_point since_;  ///< of the current key
};

}  // namespace postern
