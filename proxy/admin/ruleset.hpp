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

/// The header fields that the configuration or any rule names as carrying a credential, sorted. A rule that
/// names a subject header is a mistake: neither file shows it alone.
[[nodiscard]] std::vector<std::string> credential_fields(const Config& config, const policy::Policy& policy,
                                                         Diagnostics& diagnostics);
/// Null for an upstream in plain text. Errors: those of TlsClient::load(), with the upstream's name.
[[nodiscard]] Result<std::shared_ptr<const TlsClient>> load_upstream_tls(const Upstream& upstream);

/// Why there is no ruleset.
struct Problem {
  std::string text;    ///< as the operator reads it, with lines of the files where they may be shown
  std::string places;  ///< without any: for those who may not read the files
};

/// Compiles the policy that `config` names against the store's catalog. On mistakes: null, and `problem`
/// holds them as the operator reads them. With a `running` snapshot, an upstream whose headers_file is broken
/// keeps the headers it has there, one whose certificates are keeps those, and `kept` says why.
[[nodiscard]] Ruleset load_ruleset(const Config& config, const store::Store& store, const Snapshot* running,
                                   std::string& kept, Problem& problem);

/// What a reload that took effect left as it was.
struct ReloadNotes {
  std::string restart;  ///< names of changed options that need a restart
  std::string kept;     ///< headers files that are broken
};

/// Reads the configuration again, with what needs a restart left as it runs, the policy, and the headers of
/// upstreams.
[[nodiscard]] Ruleset reload_ruleset(const ConfigSources& sources, const Snapshot& running,
                                     const store::Store& store, ReloadNotes& notes, Problem& problem);

}  // namespace postern::admin
