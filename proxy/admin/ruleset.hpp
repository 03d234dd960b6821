// What can be reloaded: configuration and policy, read and checked together, and put in force together.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "conf/option.hpp"
#include "proxy/gate.hpp"
#include "store/store.hpp"

namespace postern::admin {

using Ruleset = std::shared_ptr<const Snapshot>;

/// The files behind a ruleset as they are at one moment, to watch them and to see whether they have changed.
struct Sources {
  std::vector<std::string> files;
  std::string text;  ///< of all of them; what cannot be read is empty
};
[[nodiscard]] Sources read_sources(const ConfigSources& sources, const Config& running);

/// Compiles the policy that `config` names against the store's catalog. On mistakes: null, and `problem`
/// holds them as the operator reads them.
[[nodiscard]] Ruleset load_ruleset(const Config& config, const store::Store& store, std::string& problem);

/// Reads the configuration again, with what needs a restart left as it runs (and named in `notes`), and the
/// policy.
[[nodiscard]] Ruleset reload_ruleset(const ConfigSources& sources, const Config& running,
                                     const store::Store& store, std::string& notes, std::string& problem);

/// Applies a declared catalog; a sentence about what changed.
[[nodiscard]] Result<std::string> apply_catalog(const std::string& file, store::Store& store);

}  // namespace postern::admin
