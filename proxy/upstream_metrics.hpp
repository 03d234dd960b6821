// Numbers of one upstream in one shard. An address has a slot that the control plane gave it; a slot may be
// given to another address later, and counts from zero then.

#pragma once

#include <array>

#include "conf/limits.hpp"
#include "proxy/counter.hpp"

namespace postern {

struct AddressMetrics {
  Counter requests;   ///< leases given out
  Counter in_flight;  ///< of them, not yet returned
  Counter failures;   ///< as AddressHealth::failed() counts them
  Counter ejections;
  Counter ejected_until_ms;  ///< of the steady clock; in the past: it is in use

  void reset() noexcept {
    for (Counter* counter : {&requests, &in_flight, &failures, &ejections, &ejected_until_ms})
      counter->set(0);
  }
};

struct UpstreamMetrics {
  std::array<AddressMetrics, limits::upstream_addresses_max> addresses;
};

}  // namespace postern
