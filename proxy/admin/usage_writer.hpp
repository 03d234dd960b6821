// From the shards' tables of used tokens to the store: every few seconds, on the control thread.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/admin/ruleset.hpp"
#include "proxy/metrics.hpp"
#include "proxy/shard.hpp"
#include "store/store.hpp"
#include "store/usage.hpp"

namespace postern::admin {

class UsageWriter {
 public:
  UsageWriter(store::Store& store, const std::vector<std::unique_ptr<Shard>>& shards, const Ruleset& ruleset,
              ProcessMetrics& metrics) noexcept
      : store_(store), shards_(shards), ruleset_(ruleset), metrics_(metrics) {}

  /// Writes down what was handed over since the last time, and asks for more.
  void turn();
  /// The rest, once no shard runs any more.
  void finish();

 private:
  void write();
  void alarm(const store::TokenUse& use);
  void disable(const store::TokenKey& key, const std::string& id);

  store::Store& store_;
  const std::vector<std::unique_ptr<Shard>>& shards_;
  const Ruleset& ruleset_;  ///< in force
  ProcessMetrics& metrics_;
  bool failing_ = false;
  store::UsageSweep sweep_;
  std::map<std::string, UnixSeconds> told_;  ///< tokens that raised an alarm, and when that was told
};

}  // namespace postern::admin
