#include "proxy/admin/usage_writer.hpp"

#include "conf/limits.hpp"
#include "proxy/address.hpp"
#include "proxy/operator_log.hpp"
#include "store/alarm.hpp"
#include "store/token_id.hpp"

namespace postern::admin {
namespace {

/// A token that raises an alarm again and again is told of once in this time, so that whoever has it cannot
/// fill the audit log.
constexpr UnixSeconds told_again_after = 3600;
/// Tokens that are remembered as told of. Beyond it all are forgotten, and told of again.
constexpr std::size_t told_max = 10'000;

const store::Actor actor = {"process:postern-run", ""};

}  // namespace

void UsageWriter::turn() {
  write();
  for (const auto& shard : shards_) shard->hand_over_usage();
  (void)sweep_.turn(store_, limits::usage_sweep_max);  // a walk that fails begins again
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
      uses.reserve(uses.size() + seen.size());
      for (const store::TokenUse& use : seen) {
        if (use.kind != store::TokenUse::Kind::rotated) uses.push_back(use);
        if (use.kind != store::TokenUse::Kind::use) alarm(use);
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

void UsageWriter::alarm(const store::TokenUse& use) {
  const bool canary = use.kind == store::TokenUse::Kind::canary;
  (canary ? metrics_.canaries_used : metrics_.rotated_secrets_used).add(use.count);
  const auto key = store::token_key({use.token.data(), use.token.size()});
  if (!key) return;
  const std::string id = store::token_id_text(*key);
  if (!canary && ruleset_->config.disable_on_reuse) disable(*key, id);

  UnixSeconds& told = told_[id];
  if (told != 0 && use.last < told + told_again_after) return;
  told = use.last;
  if (told_.size() > told_max) told_.clear();
  BoundedText<46> address;
  spell_address(use.address, address);
  const std::string from = " was used from " + std::string(address.view());
  operator_log(LogLevel::warning,
               canary ? "canary " + id + from + ": somebody tries what they have found"
                      : "an old secret of " + id + from +
                            " after it was rotated out: somebody has a copy, or forgot to change");
  const Status recorded = store::record_alarm(store_, actor, use);
  if (!recorded) operator_log(LogLevel::warning, recorded.error().message);
}

void UsageWriter::disable(const store::TokenKey& key, const std::string& id) {
  const auto disabled = store::disable_token(
      store_, {actor.name, "an old secret of it was used after it was rotated out"}, key);
  if (!disabled)
    operator_log(LogLevel::warning,
                 id + " stays enabled, though an old secret of it was used: " + disabled.error().message);
  else if (*disabled)
    operator_log(LogLevel::warning, id + " was disabled, because an old secret of it was used");
}

}  // namespace postern::admin
