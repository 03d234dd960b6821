// From the shards' tables of used tokens to the store: every few seconds, on the control thread.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/metrics.hpp"
#include "proxy/shard.hpp"
#include "store/store.hpp"
#include "store/usage.hpp"

namespace postern::admin {

class UsageWriter {
 public:
  UsageWriter(store::Store& store, const std::vector<std::unique_ptr<Shard>>& shards,
              ProcessMetrics& metrics) noexcept
      : store_(store), shards_(shards), metrics_(metrics) {}

  /// Writes down what was handed over since the last time, and asks for more.
  void turn();
  /// The rest, once no shard runs any more.
  void finish();

 private:
  void write();
  void report(const store::TokenUse& use);
  void sweep();

  store::Store& store_;
  const std::vector<std::unique_ptr<Shard>>& shards_;
  ProcessMetrics& metrics_;
  bool failing_ = false;
  std::string swept_;                        ///< key up to which records of deleted tokens were looked for
  std::map<std::string, UnixSeconds> told_;  ///< tokens whose old secrets were used, and when that was told
};

}  // namespace postern::admin
