// The policy that a command looks at, and the names it may speak of.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "conf/config.hpp"
#include "policy/policy.hpp"
#include "policy/subject.hpp"
#include "proxy/cli/arguments.hpp"
#include "store/store.hpp"

namespace postern::cli {

/// A policy as compiled, with what it was compiled against.
struct ReadPolicy {
  policy::PolicyFiles files;
  std::unique_ptr<const policy::Policy> policy;
};

/// Options by which commands find policy, catalog and store. The names a policy may speak of are the
/// catalog file's, else the store's and those of the configured catalog file, else whatever the policy names.
class PolicySource {
 public:
  /// Declares --policy, --catalog, --store and --config.
  void declare(Arguments& arguments);
  /// The same without --policy, for commands that are given several.
  void declare_names(Arguments& arguments);

  /// Reads everything. False when something cannot be read or has mistakes, which was said.
  [[nodiscard]] bool load();
  /// Reads the configuration and the names only.
  [[nodiscard]] bool load_names();
  /// Reads a further policy. Nothing after mistakes, which were said.
  [[nodiscard]] std::optional<ReadPolicy> read(const std::string& file) const;

  [[nodiscard]] const policy::Policy& policy() const noexcept { return *read_.policy; }
  /// The policy's files, for their comments.
  [[nodiscard]] const policy::PolicyFiles& files() const noexcept { return read_.files; }
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] bool has_names() const noexcept { return names_.has_value(); }
  /// What is known, or without a catalog and a store: exactly what `policy` names, licenses enabled.
  [[nodiscard]] policy::Catalog names_for(const policy::Policy& policy) const;
  /// Null when there is none or it cannot be opened; why() says why.
  [[nodiscard]] const store::Store* store() const noexcept { return store_ ? &*store_ : nullptr; }
  [[nodiscard]] const std::string& why_no_store() const noexcept { return why_no_store_; }

 private:
  void open_store();

  std::string policy_file_, catalog_file_, config_file_, store_directory_;
  Config config_;
  ReadPolicy read_;
  std::optional<policy::Catalog> names_;
  std::optional<store::Store> store_;
  std::string why_no_store_;
};

/// Adds what a catalog file declares to what is known. Handles are new ones: they mean nothing to a store.
void add_declared(policy::Catalog& known, const store::Store::Declaration& declaration);

}  // namespace postern::cli
