#include "proxy/admin/declared_catalog.hpp"

#include <filesystem>

#include "conf/yaml.hpp"
#include "store/catalog_file.hpp"

namespace postern::admin {
namespace {

/// Commands may run in another directory than the server.
std::string absolute(const std::string& path) {
  std::error_code failed;
  const auto found = std::filesystem::absolute(path, failed);
  return failed ? path : found.string();
}

std::string rendered(const Diagnostics& diagnostics, const yaml::Document& document) {
  std::string text = yaml::render(diagnostics, {&document});
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

bool DeclaredCatalog::changed() const {
  return !file_.empty() && yaml::read_text(file_) != text_;
}

Result<std::string> DeclaredCatalog::apply(store::Store& store, std::string_view reason) {
  // Forced where the file is the only source: whoever may write it may take away the last administrator.
  const store::Actor actor{"process:postern-run", std::string(reason), declared_};
  if (file_.empty()) {
    POSTERN_TRY_STATUS(store.set_declared_in(actor, {}));
    return std::string();
  }
  Diagnostics diagnostics;
  const yaml::Document document = yaml::load(file_, diagnostics);
  text_ = document.text;
  store::Store::Declaration declaration;
  if (diagnostics.empty()) declaration = store::parse_catalog(document, diagnostics);
  if (!diagnostics.empty()) return Error{ErrorKind::invalid, rendered(diagnostics, document)};
  // Only a file that can be read makes the store its own: a start that is refused changes nothing.
  if (!declared_) POSTERN_TRY_STATUS(store.set_declared_in(actor, {}));
  store::Store::ApplyOptions options;
  options.prune = options.only_source = declared_;
  const auto report = store.apply(actor, declaration, options);
  if (!report) {
    text_.clear();  // it may be the store's fault, and pass
    return report.error().within("catalog " + file_);
  }
  if (declared_) POSTERN_TRY_STATUS(store.set_declared_in(actor, absolute(file_)));
  return "catalog " + file_ + ": " + std::to_string(report->created.size()) + " created, " +
         std::to_string(report->updated.size()) + " updated, " +
         (declared_ ? std::to_string(report->deleted.size()) + " deleted, " : std::string()) +
         std::to_string(report->unchanged) + " unchanged";
}

}  // namespace postern::admin
