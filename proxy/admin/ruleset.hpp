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

/// The policy's files as they were read.
struct PolicyText {
  std::vector<std::string> files;  ///< those that could not be read, too
  std::string text;                ///< of all of them; what cannot be read is empty
};

/// The files behind a ruleset as they are at one moment, to watch them and to see whether they have changed.
struct Sources {
  std::vector<std::string> files;  ///< but for the policy's
  std::string text;                ///< of all of them; what cannot be read is empty
  PolicyText policy;
};
/// `policy` says which files the policy has: which ones it includes changes only with one of them.
[[nodiscard]] Sources read_sources(const ConfigSources& sources, const Config& running,
                                   const PolicyText& policy);

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

/// Compiles the policy that `config` names against the store's catalog; `read` gets its files as soon as they
/// are read. On mistakes: null, and `problem`
/// holds them as the operator reads them. With a `running` snapshot, an upstream whose headers_file is broken
/// keeps the headers it has there, one whose certificates are keeps those, and `kept` says why.
[[nodiscard]] Ruleset load_ruleset(const Config& config, const store::Store& store, const Snapshot* running,
                                   PolicyText& read, std::string& kept, Problem& problem);

/// What a reload that took effect left as it was.
struct ReloadNotes {
  std::string restart;  ///< names of changed options that need a restart
  std::string kept;     ///< headers files that are broken
};

/// Reads the configuration again, with what needs a restart left as it runs, the policy, and the headers of
/// upstreams.
[[nodiscard]] Ruleset reload_ruleset(const ConfigSources& sources, const Snapshot& running,
                                     const store::Store& store, PolicyText& read, ReloadNotes& notes,
                                     Problem& problem);

}  // namespace postern::admin
