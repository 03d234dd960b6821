#include "policy/openapi.hpp"

#include <algorithm>

#include "conf/json_tree.hpp"
#include "policy/path_template.hpp"
#include "policy/requirement_reader.hpp"

namespace postern::policy {
namespace {

constexpr std::string_view methods[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};

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
  std::size_t authority = url.find("://");
  if (authority != std::string::npos)
    authority += 3;
  else if (url.starts_with("//"))
    authority = 2;
  if (authority != std::string::npos) {
    const std::size_t slash = url.find('/', authority);
    url = slash == std::string::npos ? "" : url.substr(slash);
  }
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url.starts_with('/') ? url : "";
}

/// The URL of a server with its variables at their defaults.
std::string url_of(const yaml::Node& server) {
  std::string url = scalar(server, "url");
  const yaml::Node* variables = server.find("variables");
  if (variables == nullptr) return url;
  for (const yaml::Entry& variable : variables->entries) {
    const std::string name = '{' + variable.key + '}';
    const std::string value = scalar(variable.value, "default");
    for (std::size_t at = url.find(name); at != std::string::npos; at = url.find(name, at + value.size()))
      url.replace(at, name.size(), value);
  }
  return url;
}

std::vector<std::string> paths_of(const yaml::Node& servers) {
  std::vector<std::string> paths;
  for (const yaml::Node& server : servers.items) paths.push_back(path_of(url_of(server)));
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

/// A list of ways, each naming schemes; an empty way or an empty list lets everybody in.
Declared security_of(const yaml::Node* own, const yaml::Node* general) {
  const yaml::Node* security = own != nullptr ? own : general;
  if (security == nullptr || security->kind != yaml::Kind::sequence) return Declared::nothing;
  const bool open =
      security->items.empty() || std::any_of(security->items.begin(), security->items.end(),
                                             [](const yaml::Node& way) { return way.entries.empty(); });
  return open ? Declared::open : Declared::secured;
}

/// What a reference within the document names ("#/components/pathItems/orders", RFC 6901), or null.
const yaml::Node* referred(const yaml::Node& root, std::string_view reference) {
  if (!reference.starts_with("#/")) return nullptr;
  const yaml::Node* node = &root;
  for (std::size_t at = 2; node != nullptr && at <= reference.size();) {
    const std::size_t end = std::min(reference.find('/', at), reference.size());
    std::string key;
    for (std::size_t i = at; i < end; ++i) {
      const bool escaped = reference[i] == '~' && i + 1 < end;
      key += !escaped ? reference[i] : reference[i + 1] == '1' ? '/' : '~';
      i += escaped ? 1 : 0;
    }
    node = node->find(key);
    at = end + 1;
  }
  return node;
}

/// The template of an operation, segment by segment.
class PathReader {
 public:
  explicit PathReader(Operation& operation) : operation_(operation) {}

  void read() {
    const std::string path = operation_.path.substr(0, operation_.path.find_first_of("?#"));
    if (!path.starts_with('/')) return refuse("its path does not begin with '/'");
    for (std::size_t at = 1; at <= path.size();) {
      const std::size_t end = std::min(path.find('/', at), path.size());
      segment(path.substr(at, end - at), end == path.size());
      at = end + 1;
    }
    if (path.size() >= limits::target_bytes_max || operation_.segments.size() > limits::path_segments_max)
      refuse("its path is too long");
    if (operation_.params > limits::path_params_max) refuse("its path has too many parameters for a rule");
    if (operation_.method == "TRACE") refuse("the method is never passed on");
  }

 private:
  void refuse(std::string why) {
    if (operation_.unreachable.empty()) operation_.unreachable = std::move(why);
  }

  void segment(const std::string& text, bool last) {
    if (text.find('{') != std::string::npos) return param(text);
    std::string canonical;
    TargetError error = canonical_literal(text, canonical);
    if (error == TargetError::bad_byte) error = canonical_literal(escaped_literal(text), canonical);
    if (text.empty() && !last) error = TargetError::empty_segment;
    if (error != TargetError::none)
      refuse("no request may have such a path (" + std::string(to_string(error)) + ")");
    operation_.segments.push_back({TemplateSegment::Kind::literal, std::move(canonical)});
  }

  void param(const std::string& text) {
    operation_.whole = operation_.whole && text.front() == '{' && text.find('}') == text.size() - 1;
    std::string name;
    for (const char c : text) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      const bool fits = letter || (c >= '0' && c <= '9' && !name.empty());
      if (fits)
        name += c;
      else if (!name.empty() && name.back() != '_')
        name += '_';
    }
    while (name.ends_with('_')) name.pop_back();
    if (name.empty()) name = "p";
    const std::string first = name;
    for (std::size_t n = 2; is_taken(name); ++n) name = first + '_' + std::to_string(n);
    ++operation_.params;
    operation_.segments.push_back({TemplateSegment::Kind::param, std::move(name)});
  }

  [[nodiscard]] bool is_taken(const std::string& name) const {
    return std::any_of(operation_.segments.begin(), operation_.segments.end(), [&](const auto& segment) {
      return segment.kind == TemplateSegment::Kind::param && segment.text == name;
    });
  }

  Operation& operation_;
};

class Reader {
 public:
  Reader(const yaml::Document& document, std::string_view base, Diagnostics& diagnostics)
      : document_(document), root_(document.root), diagnostics_(diagnostics), fixed_(!base.empty()) {
    if (fixed_) bases_ = {path_of(std::string(base))};
    if (const yaml::Node* servers = root_.find("servers"); servers != nullptr && !fixed_)
      bases_ = paths_of(*servers);
    if (bases_.empty()) bases_.push_back(path_of(scalar(root_, "basePath")));
  }

  void path(const yaml::Entry& entry) {
    const yaml::Node* item = &entry.value;
    if (const std::string reference = scalar(*item, "$ref"); !reference.empty()) {
      item = referred(root_, reference);
      if (item == nullptr)
        return diagnostics_.add(document_.at(entry),
                                "the path item " + quoted(reference) + " is not in the document",
                                "bundle the document into one file first");
    }
    for (const std::string_view method : methods)
      if (const yaml::Node* node = item->find(method); node != nullptr)
        operation(entry.key, *item, method, *node);
  }

  [[nodiscard]] std::vector<Operation> take() { return std::move(operations_); }

 private:
  void operation(const std::string& path, const yaml::Node& item, std::string_view method,
                 const yaml::Node& node) {
    Operation operation;
    operation.id = scalar(node, "operationId");
    operation.method = upper(method);
    operation.permission = permission(node);
    if (const yaml::Node* tags = node.find("tags"); tags != nullptr && !tags->items.empty())
      operation.tag = tags->items.front().scalar;
    operation.place = place_of(node);
    for (const yaml::Node* security : {node.find("security"), root_.find("security")})
      if (security != nullptr && security->kind != yaml::Kind::sequence)
        return diagnostics_.add(document_.at(*security),
                                "\"security\" is a list of ways, each naming schemes");
    operation.security = security_of(node.find("security"), root_.find("security"));
    for (const std::string& base : bases_for(item, node)) {
      operations_.push_back(operation);
      operations_.back().path = base + path;
      PathReader(operations_.back()).read();
    }
  }

  std::string permission(const yaml::Node& node) {
    const yaml::Node* permission = node.find("x-permission");
    if (permission == nullptr) return {};
    if (permission->kind != yaml::Kind::scalar || permission->scalar.empty())
      diagnostics_.add(document_.at(*permission), "\"x-permission\" is the id of one permission");
    return permission->scalar;
  }

  /// The servers of the operation replace those of its path, and those the document's.
  std::vector<std::string> bases_for(const yaml::Node& item, const yaml::Node& node) const {
    if (fixed_) return bases_;
    for (const yaml::Node* one : {&node, &item})
      if (const yaml::Node* servers = one->find("servers"); servers != nullptr && !servers->items.empty())
        return paths_of(*servers);
    return bases_;
  }

  const yaml::Document& document_;
  const yaml::Node& root_;
  Diagnostics& diagnostics_;
  bool fixed_;  ///< the caller says the base
  std::vector<std::string> bases_;
  std::vector<Operation> operations_;
};

/// Keys whose values say nothing about who may do what. At the top no more is needed than what is read; a
/// path begins with '/', so none of them is one; below `security` any name may be a scheme's.
bool is_beside_the_point(std::size_t depth, std::string_view within, std::string_view key) noexcept {
  constexpr std::string_view top[] = {"openapi", "swagger",  "paths",     "security",
                                      "servers", "basePath", "components"};
  constexpr std::string_view below[] = {"responses", "requestBody",  "requestBodies", "parameters",
                                        "callbacks", "schemas",      "examples",      "headers",
                                        "links",     "externalDocs", "description"};
  if (depth == 0) return std::find(std::begin(top), std::end(top), key) == std::end(top);
  return within != "security" && std::find(std::begin(below), std::end(below), key) != std::end(below);
}

}  // namespace

yaml::Document parse_openapi(std::string file, std::string text, Diagnostics& diagnostics) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  const bool json = first != std::string::npos && text[first] == '{';
  if (!json) return yaml::parse(std::move(file), std::move(text), diagnostics);
  Diagnostics found;
  yaml::Document document = yaml::parse_json(file, text, is_beside_the_point, found);
  if (found.empty()) return document;
  // YAML in braces is no JSON.
  Diagnostics none;
  yaml::Document flow = yaml::parse(std::move(file), std::move(text), none);
  if (none.empty()) return flow;
  diagnostics.append(std::move(found));
  return document;
}

std::vector<Operation> read_operations(const yaml::Document& document, std::string_view base,
                                       Diagnostics& diagnostics) {
  const yaml::Node* paths = document.root.find("paths");
  if (paths == nullptr || paths->kind != yaml::Kind::mapping) {
    diagnostics.add({document.file, 1, 1}, "an OpenAPI document has \"paths\"");
    return {};
  }
  Reader reader(document, base, diagnostics);
  for (const yaml::Entry& entry : paths->entries)
    if (!entry.key.starts_with("x-")) reader.path(entry);
  return reader.take();
}

}  // namespace postern::policy
