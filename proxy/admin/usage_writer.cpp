#include "proxy/admin/usage_writer.hpp"

#include "conf/limits.hpp"
#include "proxy/address.hpp"
#include "proxy/operator_log.hpp"
#include "store/token_id.hpp"

namespace postern::admin {
namespace {

/// A token whose old secret is tried again and again is told of once in this time, so that whoever has one
/// cannot fill the audit log.
constexpr UnixSeconds told_again_after = 3600;
/// Tokens that are remembered as told of. Beyond it all are forgotten, and told of again.
constexpr std::size_t told_max = 10'000;

}  // namespace

void UsageWriter::turn() {
  write();
  for (const auto& shard : shards_) shard->hand_over_usage();
  sweep();
}

void UsageWriter::finish() {
  write();
  for (const auto& shard : shards_) shard->usage().hand_over();
  write();
}

void UsageWriter::write() {
  std::vector<store::TokenUse> uses;
  std::uint64_t dropped = 0;
  for (const auto& shard : shards_) {
    shard->usage().collect([&](std::span<const store::TokenUse> seen) {
      for (const store::TokenUse& use : seen) {
        if (use.kind == store::TokenUse::Kind::use)
          uses.push_back(use);
        else
          report(use);
      }
    });
    dropped += shard->usage().dropped().get();
  }
  metrics_.usage_dropped = dropped;
  const Status written = store::add_uses(store_, uses);
  if (!written) metrics_.usage_failures.add();
  if (!written && !failing_)
    operator_log(LogLevel::warning, "uses of tokens are not counted: " + written.error().message);
  if (!uses.empty()) failing_ = !written;
}

void UsageWriter::report(const store::TokenUse& use) {
  metrics_.rotated_secrets_used.add(use.count);
  const auto key = store::token_key({use.token.data(), use.token.size()});
  if (!key) return;
  const std::string id = store::token_id_text(*key);
  UnixSeconds& told = told_[id];
  if (told != 0 && use.last < told + told_again_after) return;
  told = use.last;
  if (told_.size() > told_max) told_.clear();
  BoundedText<46> address;
  spell_address(use.address, address);
  operator_log(LogLevel::warning, "an old secret of " + id + " was used from " + std::string(address.view()) +
                                      " after it was rotated out: somebody has a copy, or forgot to change");
  const Status recorded = store::record_reuse(store_, {"process:postern-run", ""}, use);
  if (!recorded) operator_log(LogLevel::warning, recorded.error().message);
}

void UsageWriter::sweep() {
  auto next = store::forget_deleted(store_, swept_, limits::usage_sweep_max);
  swept_ = next ? std::move(*next) : std::string();
}

}  // namespace postern::admin
