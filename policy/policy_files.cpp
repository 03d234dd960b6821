#include "policy/policy_files.hpp"

#include <algorithm>
#include <string_view>

#include "conf/limits.hpp"

namespace postern::policy {
namespace {

/// The directory part with its slash, or nothing.
std::string_view directory_of(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1);
}

struct Refusal {
  std::string message, suggestion;
};

/// What is wrong with an include as written, whatever lies there.
Refusal refusal_of(std::string_view written) {
  if (written.empty()) return {"an include names no file", {}};
  if (written.front() == '/')
    return {"an include is a path from the directory of this file, not " + quoted(written),
            "a policy is one tree of files"};
  if (written.find_first_of("*?[") != std::string_view::npos)
    return {quoted(written) + " looks like a pattern; each file is named",
            "one that is missing would not be noticed"};
  for (std::size_t at = 0; at <= written.size();) {
    const std::size_t end = std::min(written.find('/', at), written.size());
    const std::string_view part = written.substr(at, end - at);
    if (part == "..") return {quoted(written) + " leads out of the policy's directory", {}};
    if (part.empty() || part == ".") return {quoted(written) + " has a part that says nothing", {}};
    at = end + 1;
  }
  return {};
}

class Gatherer {
 public:
  Gatherer(const FileAccess& access, Diagnostics& diagnostics) : access_(access), diagnostics_(diagnostics) {}

  PolicyFiles gather(const std::string& path) {
    root_directory_ = directory_of(path);
    files_.push_back({access_.read(path, diagnostics_), path.substr(root_directory_.size()), 0});
    places_.emplace_back();
    // Each file's includes come behind those of the files before it; what is appended is visited later.
    for (std::uint32_t file = 0; file < files_.size(); ++file) read_includes(file);
    return std::move(files_);
  }

 private:
  void read_includes(std::uint32_t file) {
    const yaml::Node* include = files_[file].document.root.find("include");
    if (include == nullptr) return;
    if (include->kind != yaml::Kind::sequence || include->items.empty()) {
      mistake(file, *include, "\"include\" wants a list of at least one file",
              include->kind == yaml::Kind::scalar ? "write '[" + include->scalar + "]'" : "leave it out");
      return;
    }
    // Copied, since files_ grows meanwhile.
    const std::vector<yaml::Node> items = include->items;
    for (const yaml::Node& item : items) take(file, item);
  }

  void take(std::uint32_t file, const yaml::Node& item) {
    if (item.kind != yaml::Kind::scalar)
      return mistake(file, item, "an include is the path of one file", "for example 'teams/orders.yaml'");
    if (Refusal refusal = refusal_of(item.scalar); !refusal.message.empty())
      return mistake(file, item, std::move(refusal.message), std::move(refusal.suggestion));
    const std::string path = std::string(directory_of(files_[file].document.file)) + item.scalar;
    if (is_above(file, path))
      return mistake(file, item, quoted(item.scalar) + " includes this file: a circle");
    for (std::size_t i = 1; i < files_.size(); ++i)
      if (files_[i].document.file == path)
        return mistake(file, item, quoted(item.scalar) + " is included already at " + places_[i]);
    if (files_.size() == limits::policy_files_max)
      return mistake(file, item,
                     "a policy has at most " + std::to_string(limits::policy_files_max) + " files");
    const std::string place =
        files_[file].document.file + ':' + std::to_string(files_[file].document.at(item).line);
    std::string flaw = access_.flaw(path);
    if (!flaw.empty()) mistake(file, item, quoted(item.scalar) + ' ' + flaw);
    yaml::Document document = flaw.empty() ? access_.read(path, diagnostics_) : yaml::Document{path, {}, {}};
    bytes_ += document.text.size();
    if (bytes_ > limits::yaml_bytes_max) {
      mistake(file, item, "the included files together are longer than one may be",
              "at most " + std::to_string(limits::yaml_bytes_max) + " bytes are read");
      document.root = {};
    }
    files_.push_back({std::move(document), path.substr(root_directory_.size()), file});
    places_.push_back(place);
  }

  /// Whether this path is the file's own or that of one that leads to it.
  [[nodiscard]] bool is_above(std::uint32_t file, const std::string& path) const {
    while (files_[file].document.file != path) {
      if (file == 0) return false;
      file = files_[file].parent;
    }
    return true;
  }

  void mistake(std::uint32_t file, const yaml::Node& node, std::string message, std::string suggestion = {}) {
    diagnostics_.add(files_[file].document.at(node), std::move(message), std::move(suggestion));
  }

  const FileAccess& access_;
  Diagnostics& diagnostics_;
  std::string root_directory_;
  PolicyFiles files_;
  std::vector<std::string> places_;  ///< beside files_: where each is included
  std::size_t bytes_ = 0;            ///< of included files
};

}  // namespace

PolicyFiles gather_files(const std::string& path, const FileAccess& access, Diagnostics& diagnostics) {
  return Gatherer(access, diagnostics).gather(path);
}

std::vector<const yaml::Document*> documents_of(const PolicyFiles& files) {
  std::vector<const yaml::Document*> documents;
  for (const PolicyFile& file : files) documents.push_back(&file.document);
  return documents;
}

}  // namespace postern::policy
