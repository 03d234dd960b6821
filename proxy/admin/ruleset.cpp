#include "proxy/admin/ruleset.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "conf/upstream_headers.hpp"
#include "proxy/admin/certificates.hpp"
#include "proxy/admin/own_headers.hpp"
#include "proxy/admin/policy_reader.hpp"

namespace postern::admin {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string without_last_line_feed(std::string text) {
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Problem problem_of(const Diagnostics& diagnostics, const std::vector<const yaml::Document*>& documents) {
  return {without_last_line_feed(yaml::render(diagnostics, documents)),
          without_last_line_feed(yaml::render(diagnostics, {}))};
}

PolicyText text_of(const policy::PolicyFiles& files) {
  PolicyText read{{}, texts_of(files)};
  for (const policy::PolicyFile& file : files) read.files.push_back(file.document.file);
  return read;
}

/// The names that rules may choose by; their order is that of Snapshot::upstreams.
std::vector<std::string> names_of(const std::vector<ConfiguredUpstream>& upstreams) {
  std::vector<std::string> names;
  for (const ConfiguredUpstream& upstream : upstreams) names.push_back(upstream.settings.name);
  return names;
}

std::uint32_t default_index(const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), default_upstream);
  return found == names.end() ? 0 : static_cast<std::uint32_t>(found - names.begin());
}

/// Every answer that lets a request pass names all headers that any rule sets, so that the asking proxy lets
/// no client's through: they must fit.
void check_decision_answers(const Config& config, const policy::Policy& policy, Diagnostics& diagnostics) {
  const bool decides = std::any_of(config.listen.begin(), config.listen.end(),
                                   [](const Listen& listen) { return listen.decide != Decide::none; });
  std::size_t size = 0;
  for (const std::string& name : policy.upstream_header_names()) size += name.size() + 3;
  if (decides && size > limits::decision_header_names_bytes_max)
    diagnostics.add({config.policy, 0, 0}, "the names in upstream_headers are too long for a decision: " +
                                               std::to_string(size) + " bytes together, at most " +
                                               std::to_string(limits::decision_header_names_bytes_max));
}

}  // namespace

std::vector<std::string> credential_fields(const Config& config, const policy::Policy& policy,
                                           Diagnostics& diagnostics) {
  std::vector<std::string> fields;
  const auto gather = [&fields](const std::vector<CredentialSource>& sources) {
    for (const CredentialSource& source : sources)
      if (source.place == CredentialPlace::header) fields.push_back(source.name);
  };
  gather(config.credentials);
  for (const policy::Rule& rule : policy.rules()) {
    gather(rule.credentials);
    if (const std::string flaw = upstream_headers_flaw(rule.upstream_headers, config.header_prefix);
        !flaw.empty())
      diagnostics.add({policy.files()[rule.place.file], rule.place.line, rule.place.column},
                      "upstream_headers: " + flaw);
    // Neither file shows it alone: these are deleted from every request, so none can carry a credential.
    for (const CredentialSource& source : rule.credentials)
      if (is_subject_header(source, config.header_prefix))
        diagnostics.add({policy.files()[rule.place.file], rule.place.line, rule.place.column},
                        "credentials: " + quoted(source.name) + " lies among the subject headers " +
                            quoted(config.header_prefix + '*'));
  }
  std::sort(fields.begin(), fields.end());
  const auto last = std::unique(fields.begin(), fields.end());
  fields.erase(last, fields.end());
  return fields;
}

Result<std::shared_ptr<const TlsClient>> load_upstream_tls(const Upstream& upstream) {
  if (!upstream.speaks_tls()) return std::shared_ptr<const TlsClient>();
  auto loaded = TlsClient::load(upstream.tls);
  if (!loaded) return loaded.error().within("upstreams." + upstream.name + ": tls");
  return loaded;
}

Ruleset load_ruleset(const Config& config, const store::Store& store, const Snapshot* running,
                     PolicyText& read, std::string& kept, Problem& problem) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->config = config;
  for (Upstream& upstream : config.all_upstreams()) {
    const std::size_t index = snapshot->upstreams.size();
    std::string flaw;
    auto headers = load_own_headers(upstream, config.header_prefix, flaw);
    if (!headers && running == nullptr) {
      problem = {flaw, flaw};
      return nullptr;
    }
    if (!headers) {
      headers = running->upstreams[index].headers;
      kept += (kept.empty() ? "" : "\n") + flaw;
    }
    auto tls = load_upstream_tls(upstream);
    if (!tls && running == nullptr) {
      problem = {tls.error().message, tls.error().message};
      return nullptr;
    }
    if (!tls) {
      kept += (kept.empty() ? "" : "\n") + tls.error().message;
      tls = running->upstreams[index].tls;
    }
    snapshot->upstreams.push_back({std::move(upstream), std::move(*headers), std::move(*tls)});
  }
  const std::vector<std::string> upstreams = names_of(snapshot->upstreams);
  if (config.dev) {
    snapshot->policy = policy::Policy::any_authenticated(default_index(upstreams));
    Diagnostics none;
    snapshot->credential_fields = credential_fields(config, *snapshot->policy, none);
    return snapshot;
  }
  const auto catalog = store.catalog();
  if (!catalog) {
    problem = {catalog.error().message, catalog.error().message};
    return nullptr;
  }
  Diagnostics diagnostics;
  const policy::PolicyFiles files = read_policy(config.policy, diagnostics);
  read = text_of(files);
  if (diagnostics.empty())
    snapshot->policy = policy::Policy::compile(files, &*catalog, diagnostics, &upstreams);
  if (snapshot->policy)
    snapshot->credential_fields = credential_fields(config, *snapshot->policy, diagnostics);
  if (snapshot->policy) check_decision_answers(config, *snapshot->policy, diagnostics);
  if (!diagnostics.empty() || !snapshot->policy) {
    problem = problem_of(diagnostics, policy::documents_of(files));
    return nullptr;
  }
  return snapshot;
}

Ruleset reload_ruleset(const ConfigSources& sources, const Snapshot& running, const store::Store& store,
                       PolicyText& read, ReloadNotes& notes, Problem& problem) {
  Diagnostics diagnostics;
  yaml::Document document;
  const auto loaded = load_config(sources, diagnostics, &document);
  if (!loaded) {
    problem = problem_of(diagnostics, {&document});
    return nullptr;
  }
  for (const std::string_view name : restart_only_changes(running.config, loaded->config))
    notes.restart += (notes.restart.empty() ? "" : ", ") + std::string(name);
  return load_ruleset(reloaded(running.config, loaded->config), store, &running, read, notes.kept, problem);
}

Sources read_sources(const ConfigSources& sources, const Config& running, const PolicyText& policy) {
  Diagnostics ignored;
  yaml::Document document;
  (void)load_config(sources, ignored, &document);
  Sources read{{}, document.text, {policy.files, {}}};
  read.policy.text = read_texts(policy.files);
  for (const Upstream& upstream : running.upstreams) read.files.push_back(upstream.headers_file);
  std::erase(read.files, std::string());
  for (const std::string& file : read.files) read.text += '\0' + read_text(file);
  for (const Upstream& upstream : running.upstreams) {
    std::vector<std::string> pems{upstream.tls.ca, upstream.tls.pair.certificate, upstream.tls.pair.key};
    std::erase(pems, std::string());
    read.text += fingerprint(pems);
    read.files.insert(read.files.end(), pems.begin(), pems.end());
  }
  if (!document.file.empty()) read.files.push_back(document.file);
  return read;
}

}  // namespace postern::admin
