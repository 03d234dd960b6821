#include "policy/openapi.hpp"

#include <algorithm>

#include "policy/requirement_reader.hpp"

namespace postern::policy {
namespace {

constexpr std::string_view methods[] = {"get", "put", "post", "delete", "options", "head", "patch"};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string scalar(const yaml::Node& node, std::string_view key) {
  const yaml::Node* value = node.find(key);
  return value != nullptr && value->kind == yaml::Kind::scalar ? value->scalar : std::string();
}

/// "/v1" of "https://api.example.com/v1/", empty for none.
std::string path_of(std::string url) {
  if (const std::size_t scheme = url.find("://"); scheme != std::string::npos) {
    const std::size_t slash = url.find('/', scheme + 3);
    url = slash == std::string::npos ? "" : url.substr(slash);
  }
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url.starts_with('/') ? url : "";
}

std::vector<std::string> bases_of(const yaml::Node& root, std::string_view base) {
  if (!base.empty()) return {path_of(std::string(base))};
  std::vector<std::string> bases;
  if (const yaml::Node* servers = root.find("servers"))
    for (const yaml::Node& server : servers->items) bases.push_back(path_of(scalar(server, "url")));
  if (bases.empty()) bases.push_back(path_of(scalar(root, "basePath")));
  std::sort(bases.begin(), bases.end());
  bases.erase(std::unique(bases.begin(), bases.end()), bases.end());
  return bases;
}

/// A list of ways, each naming schemes; an empty way or an empty list lets everybody in.
bool is_secured(const yaml::Node* own, const yaml::Node* general) {
  const yaml::Node* security = own != nullptr ? own : general;
  if (security == nullptr || security->items.empty()) return false;
  return std::none_of(security->items.begin(), security->items.end(),
                      [](const yaml::Node& way) { return way.entries.empty(); });
}

class Reader {
 public:
  Reader(const yaml::Document& document, Diagnostics& diagnostics)
      : document_(document), diagnostics_(diagnostics) {}

  void path(const yaml::Entry& entry, const std::string& base, std::vector<Operation>& operations) {
    const yaml::Node* item = &entry.value;
    if (item->find("$ref") != nullptr) {
      diagnostics_.add(document_.at(entry), "a path by $ref is not followed", "write the path item out");
      return;
    }
    for (const std::string_view method : methods) {
      const yaml::Node* node = item->find(method);
      if (node == nullptr) continue;
      Operation operation;
      operation.id = scalar(*node, "operationId");
      operation.method = upper(method);
      operation.path = base + entry.key;
      operation.permission = scalar(*node, "x-permission");
      if (const yaml::Node* tags = node->find("tags"); tags != nullptr && !tags->items.empty())
        operation.tag = tags->items.front().scalar;
      operation.place = place_of(*node);
      operation.secured = is_secured(node->find("security"), document_.root.find("security"));
      if (!segments(operation)) {
        diagnostics_.add(document_.at(entry), quoted(operation.path) + " is no path that could be asked for");
        return;
      }
      operations.push_back(std::move(operation));
    }
  }

 private:
  static bool segments(Operation& operation) {
    std::string path = operation.path;
    path = path.substr(0, path.find_first_of("?#"));  // some put queries there
    if (!path.starts_with('/')) return false;
    for (std::size_t at = 1; at <= path.size();) {
      const std::size_t end = std::min(path.find('/', at), path.size());
      const std::string text = path.substr(at, end - at);
      at = end + 1;
      if (text.find('{') != std::string::npos) {
        operation.whole = operation.whole && text.front() == '{' && text.find('}') == text.size() - 1;
        operation.segments.push_back({TemplateSegment::Kind::param, {}});
        continue;
      }
      char buffer[limits::target_bytes_max];
      CanonicalPath canonical;
      if (text.size() + 1 > sizeof buffer ||
          canonical_path("/" + text, buffer, canonical) != TargetError::none)
        return false;
      operation.segments.push_back({TemplateSegment::Kind::literal, std::string(canonical.segment(0))});
    }
    return operation.segments.size() <= limits::path_segments_max;
  }

  const yaml::Document& document_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<Operation> read_operations(const yaml::Document& document, std::string_view base,
                                       Diagnostics& diagnostics) {
  std::vector<Operation> operations;
  const yaml::Node* paths = document.root.find("paths");
  if (paths == nullptr || paths->kind != yaml::Kind::mapping) {
    diagnostics.add({document.file, 1, 1}, "an OpenAPI document has \"paths\"");
    return operations;
  }
  Reader reader(document, diagnostics);
  for (const std::string& before : bases_of(document.root, base))
    for (const yaml::Entry& entry : paths->entries)
      if (!entry.key.starts_with("x-")) reader.path(entry, before, operations);
  return operations;
}

}  // namespace postern::policy
