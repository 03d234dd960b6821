#include "proxy/admin/ruleset.hpp"

#include <fstream>
#include <iterator>

#include "store/catalog_file.hpp"

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

}  // namespace

Ruleset load_ruleset(const Config& config, const store::Store& store, std::string& problem) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->config = config;
  if (config.dev) {
    snapshot->policy = policy::Policy::any_authenticated();
    return snapshot;
  }
  const auto catalog = store.catalog();
  if (!catalog) {
    problem = catalog.error().message;
    return nullptr;
  }
  Diagnostics diagnostics;
  const yaml::Document document = yaml::load(config.policy, diagnostics);
  if (diagnostics.empty()) snapshot->policy = policy::Policy::compile(document, &*catalog, diagnostics);
  if (!diagnostics.empty() || !snapshot->policy) {
    problem = without_last_line_feed(yaml::render(diagnostics, {&document}));
    return nullptr;
  }
  return snapshot;
}

Ruleset reload_ruleset(const ConfigSources& sources, const Config& running, const store::Store& store,
                       std::string& notes, std::string& problem) {
  Diagnostics diagnostics;
  yaml::Document document;
  const auto loaded = load_config(sources, diagnostics, &document);
  if (!loaded) {
    problem = without_last_line_feed(yaml::render(diagnostics, {&document}));
    return nullptr;
  }
  for (const std::string_view name : restart_only_changes(running, loaded->config))
    notes += (notes.empty() ? "" : ", ") + std::string(name);
  return load_ruleset(reloaded(running, loaded->config), store, problem);
}

Sources read_sources(const ConfigSources& sources, const Config& running) {
  Diagnostics ignored;
  yaml::Document document;
  const auto loaded = load_config(sources, ignored, &document);
  Sources read{{document.file, loaded ? loaded->config.policy : running.policy}, document.text};
  std::erase(read.files, std::string());
  if (!read.files.empty()) read.text += '\0' + read_text(read.files.back());
  return read;
}

Result<std::string> apply_catalog(const std::string& file, store::Store& store) {
  Diagnostics diagnostics;
  const yaml::Document document = yaml::load(file, diagnostics);
  store::Store::Declaration declaration;
  if (diagnostics.empty()) declaration = store::parse_catalog(document, diagnostics);
  if (!diagnostics.empty())
    return Error{ErrorKind::invalid, without_last_line_feed(yaml::render(diagnostics, {&document}))};
  POSTERN_TRY(const auto report, store.apply({"process:postern-run", "catalog at start"}, declaration));
  return "catalog " + file + ": " + std::to_string(report.created.size()) + " created, " +
         std::to_string(report.updated.size()) + " updated, " + std::to_string(report.unchanged) +
         " unchanged";
}

}  // namespace postern::admin
