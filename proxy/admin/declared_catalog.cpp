#include "proxy/admin/declared_catalog.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "conf/yaml.hpp"
#include "store/catalog_file.hpp"

namespace postern::admin {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

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
  return !file_.empty() && read_text(file_) != text_;
}

Result<std::string> DeclaredCatalog::apply(store::Store& store, std::string_view reason) {
  // Forced: the file is the source, and whoever may write it may take away the last administrator.
  const store::Actor actor{"process:postern-run", std::string(reason), true};
  POSTERN_TRY_STATUS(store.set_declared_in(actor, declared_ ? absolute(file_) : std::string()));
  if (file_.empty()) return std::string();
  Diagnostics diagnostics;
  const yaml::Document document = yaml::load(file_, diagnostics);
  text_ = document.text;
  store::Store::Declaration declaration;
  if (diagnostics.empty()) declaration = store::parse_catalog(document, diagnostics);
  if (!diagnostics.empty()) return Error{ErrorKind::invalid, rendered(diagnostics, document)};
  store::Store::ApplyOptions options;
  options.prune = declared_;
  const auto report = store.apply(actor, declaration, options);
  if (!report) return report.error().within("catalog " + file_);
  return "catalog " + file_ + ": " + std::to_string(report->created.size()) + " created, " +
         std::to_string(report->updated.size()) + " updated, " +
         (declared_ ? std::to_string(report->deleted.size()) + " deleted, " : std::string()) +
         std::to_string(report->unchanged) + " unchanged";
}

}  // namespace postern::admin
