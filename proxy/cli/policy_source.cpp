#include "proxy/cli/policy_source.hpp"

#include "conf/option.hpp"
#include "policy/held_subject.hpp"
#include "proxy/admin/policy_reader.hpp"
#include "proxy/cli/output.hpp"
#include "store/catalog_file.hpp"

namespace postern::cli {

void add_declared(policy::Catalog& known, const store::Store::Declaration& declaration) {
  const auto add = [&known](const store::Entity& entity) {
    policy::Catalog::Entity added;
    added.id = entity.id;
    added.name = entity.name;
    added.license_kind = entity.license_kind;
    added.enabled = entity.enabled;
    for (const std::string& id : entity.permissions) {
      const Handle permission = known.handle(policy::EntityKind::permission, id);
      if (permission != no_handle) added.permissions.insert(permission);
    }
    policy::add_entity(known, entity.kind, std::move(added));
  };
  // Roles speak of permissions, whatever the order in the file.
  for (const store::Entity& entity : declaration.entities)
    if (entity.kind != policy::EntityKind::role) add(entity);
  for (const store::Entity& entity : declaration.entities)
    if (entity.kind == policy::EntityKind::role) add(entity);
}

void PolicySource::declare(Arguments& arguments) {
  arguments.text("--policy", "FILE", policy_file_, "the policy; else the configuration's");
  declare_names(arguments);
}

void PolicySource::declare_names(Arguments& arguments) {
  arguments.text("--catalog", "FILE", catalog_file_,
                 "the names it may speak of; else the store's and the configured catalog's");
  arguments.text("--store", "DIR", store_directory_,
                 "the store's directory; else POSTERN_STORE, the configuration");
  arguments.text("--config", "FILE", config_file_,
                 "the configuration; else POSTERN_CONFIG, ./postern.yaml, /etc/postern");
}

void PolicySource::open_store() {
  store::OpenOptions options;
  options.directory = config_.store;
  options.size_max = config_.store_size_max;
  options.create = false;
  auto opened = store::Store::open(options);
  if (opened)
    store_.emplace(std::move(*opened));
  else
    why_no_store_ = opened.error().message;
}

bool PolicySource::load_names() {
  ConfigSources sources;
  sources.file = config_file_;
  sources.store_only = true;
  if (!store_directory_.empty()) sources.flags.emplace_back("store", store_directory_);
  Diagnostics diagnostics;
  yaml::Document document;
  auto loaded = load_config(sources, diagnostics, &document);
  if (!loaded) {
    complain_about(diagnostics, {&document});
    return false;
  }
  config_ = std::move(loaded->config);
  open_store();
  if (catalog_file_.empty() && store_) {
    auto catalog = store_->catalog();
    if (!catalog) {
      complain(catalog.error().message);
      return false;
    }
    names_ = std::move(*catalog);
  }
  const std::string& file = catalog_file_.empty() ? config_.catalog : catalog_file_;
  if (file.empty()) return true;
  const yaml::Document catalog = yaml::load(file, diagnostics);
  store::Store::Declaration declaration;
  if (diagnostics.empty()) declaration = store::parse_catalog(catalog, diagnostics);
  if (!diagnostics.empty()) {
    complain_about(diagnostics, {&catalog});
    return false;
  }
  if (!names_) names_.emplace();
  add_declared(*names_, declaration);
  return true;
}

bool PolicySource::load() {
  if (!load_names()) return false;
  const std::string& file = policy_file_.empty() ? config_.policy : policy_file_;
  if (file.empty()) {
    complain("no policy is named; give --policy FILE, or a configuration with one");
    return false;
  }
  auto read = this->read(file);
  if (!read) return false;
  read_ = std::move(*read);
  return true;
}

std::optional<ReadPolicy> PolicySource::read(const std::string& file) const {
  Diagnostics diagnostics;
  ReadPolicy read;
  read.files = admin::read_policy(file, diagnostics);
  std::vector<std::string> upstreams;
  for (const Upstream& upstream : config_.all_upstreams()) upstreams.push_back(upstream.name);
  if (diagnostics.empty())
    read.policy = policy::Policy::compile(read.files, names_ ? &*names_ : nullptr, diagnostics,
                                          upstreams.empty() ? nullptr : &upstreams);
  if (read.policy && diagnostics.empty()) return read;
  complain_about(diagnostics, policy::documents_of(read.files));
  return std::nullopt;
}

policy::Catalog PolicySource::names_for(const policy::Policy& policy) const {
  return names_ ? *names_ : policy::catalog_of(policy.symbols());
}

}  // namespace postern::cli
