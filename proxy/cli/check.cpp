#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "conf/option.hpp"
#include "conf/upstream_headers.hpp"
#include "conf/yaml.hpp"
#include "policy/policy.hpp"
#include "proxy/admin/policy_reader.hpp"
#include "proxy/admin/ruleset.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/config_options.hpp"
#include "proxy/cli/output.hpp"
#include "proxy/cli/policy_source.hpp"
#include "proxy/tls_context.hpp"
#include "store/catalog_file.hpp"
#include "store/store.hpp"

namespace postern::cli {
namespace {

/// Everything that `postern run` would read, read and judged.
struct Checked {
  Diagnostics diagnostics;
  yaml::Document config, catalog;
  policy::PolicyFiles policy;
  std::size_t rules = 0;
  std::string unchecked;  ///< why the names in the policy could not be looked up, empty when they were
};

/// The permissions, roles, groups and licenses there will be: the store's, and what the catalog file will add
/// to them. Nothing when neither can be read; then every name would look wrong.
std::optional<policy::Catalog> known_names(const Config& config, Checked& checked) {
  std::optional<policy::Catalog> known;
  store::OpenOptions options;
  options.directory = config.store;
  options.size_max = config.store_size_max;
  options.create = false;
  if (const auto opened = store::Store::open(options); !opened) {
    checked.unchecked = opened.error().message;
  } else if (auto catalog = opened->catalog(); !catalog) {
    checked.unchecked = catalog.error().message;
  } else {
    known = std::move(*catalog);
  }
  if (config.catalog.empty()) return known;

  checked.unchecked.clear();
  checked.catalog = yaml::load(config.catalog, checked.diagnostics);
  if (checked.catalog.root.kind == yaml::Kind::null && !checked.diagnostics.empty()) return std::nullopt;
  if (!known) known.emplace();
  add_declared(*known, store::parse_catalog(checked.catalog, checked.diagnostics));
  return known;
}

/// The file's own lines are never shown: it is not among the documents that are rendered.
void check_headers_file(const Upstream& upstream, const Config& config, Diagnostics& diagnostics) {
  if (upstream.headers_file.empty()) return;
  const std::size_t mistakes = diagnostics.size();
  std::vector<UpstreamHeader> headers = load_upstream_headers(upstream.headers_file, diagnostics);
  if (diagnostics.size() > mistakes) return;
  headers.insert(headers.end(), upstream.headers.begin(), upstream.headers.end());
  const std::string flaw = upstream_headers_flaw(headers, config.header_prefix);
  if (!flaw.empty()) diagnostics.add({upstream.headers_file, 0, 0}, flaw);
}

/// Certificates and keys of both sides are read as at a start, and thrown away.
void check_tls_files(const Config& config, const std::string& file, Diagnostics& diagnostics) {
  const bool spoken = std::any_of(config.listen.begin(), config.listen.end(),
                                  [](const Listen& listen) { return *listen.tls; });
  std::vector<std::string> warnings;  // no reason not to start
  if (spoken)
    if (const auto loaded = TlsContext::load(config.tls, warnings); !loaded)
      diagnostics.add({file, 0, 0}, loaded.error().message);
  for (const Upstream& upstream : config.all_upstreams())
    if (const auto loaded = admin::load_upstream_tls(upstream); !loaded)
      diagnostics.add({file, 0, 0}, loaded.error().message);
}

void check_policy(const Config& config, Checked& checked) {
  const std::optional<policy::Catalog> known = known_names(config, checked);
  checked.policy = admin::read_policy(config.policy, checked.diagnostics);
  std::vector<std::string> upstreams;
  for (const Upstream& upstream : config.all_upstreams()) {
    upstreams.push_back(upstream.name);
    check_headers_file(upstream, config, checked.diagnostics);
  }
  const auto policy =
      policy::Policy::compile(checked.policy, known ? &*known : nullptr, checked.diagnostics, &upstreams);
  if (!policy) return;
  checked.rules = policy->rules().size();
  (void)admin::credential_fields(config, *policy, checked.diagnostics);
}

Checked check_all(const ConfigSources& sources) {
  Checked checked;
  const auto loaded = load_config(sources, checked.diagnostics, &checked.config);
  if (!loaded) return checked;
  check_policy(loaded->config, checked);
  check_tls_files(loaded->config, checked.config.file, checked.diagnostics);
  return checked;
}

/// "policy.yaml", or how many more.
std::string file_names(const Checked& checked) {
  if (checked.policy.empty()) return {};
  const std::size_t more = checked.policy.size() - 1;
  std::string names = checked.policy.front().document.file;
  if (more > 0) names += " and " + std::to_string(more) + (more == 1 ? " file" : " files") + " it includes";
  return names;
}

boost::json::object record_of(const Checked& checked) {
  boost::json::array diagnostics;
  for (const Diagnostic& one : checked.diagnostics.items()) {
    diagnostics.push_back(boost::json::object{{"file", one.position.file},
                                              {"line", one.position.line},
                                              {"column", one.position.column},
                                              {"message", one.message},
                                              {"suggestion", one.suggestion}});
  }
  return {
      {"ok", checked.diagnostics.empty()}, {"rules", checked.rules}, {"diagnostics", std::move(diagnostics)}};
}

int check_configuration(Arguments& arguments) {
  ConfigSources sources;
  Output output;
  declare_config(arguments, sources);
  output.declare(arguments);
  if (!arguments.parse()) return arguments.exit_code();

  const Checked checked = check_all(sources);
  const bool good = checked.diagnostics.empty();
  if (good && !checked.unchecked.empty()) {
    complain("the names in the policy were not looked up: " + checked.unchecked);
  }
  if (!good && !output.json()) {
    std::vector<const yaml::Document*> documents = policy::documents_of(checked.policy);
    documents.insert(documents.end(), {&checked.config, &checked.catalog});
    complain_about(checked.diagnostics, documents);
    return exit_failed;
  }
  const std::string sentence = "ok: " + std::to_string(checked.rules) +
                               (checked.rules == 1 ? " rule in " : " rules in ") + file_names(checked);
  const int printed = output.done(sentence, record_of(checked));
  return good ? printed : exit_failed;
}

}  // namespace

const Command check{
    "check",
    "Reads configuration, policy and catalog as `postern run` would and tells every mistake with its place.",
    "postern check --config postern.yaml\n"
    "postern check --config postern.yaml --json",
    check_configuration,
};

}  // namespace postern::cli
