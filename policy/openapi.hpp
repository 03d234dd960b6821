// What an OpenAPI document says about an API's operations: as much of it as a policy has to do with.

#pragma once

#include <string>
#include <vector>

#include "conf/yaml.hpp"
#include "policy/policy.hpp"

namespace postern::policy {

/// What an operation declares about credentials.
enum class Declared : std::uint8_t {
  nothing = 0,  ///< neither the operation nor the document says anything
  open,         ///< none is needed, or it is one of several ways
  secured,
};

struct Operation {
  std::string id;          ///< operationId, may be empty
  std::string method;      ///< upper case
  std::string path;        ///< template as written, after the server's path
  std::string tag;         ///< the first one, may be empty
  std::string permission;  ///< x-permission, may be empty
  Place place;
  /// The names of parameters are fit for a rule and differ from one another.
  std::vector<TemplateSegment> segments;
  std::size_t params = 0;  ///< how many of them are parameters
  Declared security = Declared::nothing;
  bool whole = true;  ///< false: a segment is a parameter in part only (`{id}.json`) and was taken for any
  std::string unreachable;  ///< why every request of it is refused before any rule is asked; else empty
};

/// Parses a document: JSON when it begins as JSON does, else YAML. Of JSON, parts are left out that say
/// nothing about who may do what, so that very large documents can be read.
[[nodiscard]] yaml::Document parse_openapi(std::string file, std::string text, Diagnostics& diagnostics);

/// Reads all operations of a document of version 3 or 2, each once for every server. The path of each server
/// is put before the paths, its variables at their defaults; `base` replaces it when it is not empty ("/" for
/// none). What cannot be read is a mistake.
[[nodiscard]] std::vector<Operation> read_operations(const yaml::Document& document, std::string_view base,
                                                     Diagnostics& diagnostics);

}  // namespace postern::policy
