// What an OpenAPI document says about an API's operations: as much of it as a policy has to do with.

#pragma once

#include <string>
#include <vector>

#include "conf/yaml.hpp"
#include "policy/policy.hpp"

namespace postern::policy {

struct Operation {
  std::string id;          ///< operationId, may be empty
  std::string method;      ///< upper case
  std::string path;        ///< template as written, after the server's path
  std::string tag;         ///< the first one, may be empty
  std::string permission;  ///< x-permission, may be empty
  Place place;
  std::vector<TemplateSegment> segments;
  bool secured = false;  ///< a credential is declared, and not as one of several ways
  bool whole = true;     ///< false: a segment is a parameter in part only (`{id}.json`) and was taken for any
};

/// Reads all operations of a document of version 3 or 2. The path of each server is put before the paths;
/// `base` replaces it when it is not empty ("/" for none). What cannot be read is a mistake.
[[nodiscard]] std::vector<Operation> read_operations(const yaml::Document& document, std::string_view base,
                                                     Diagnostics& diagnostics);

}  // namespace postern::policy
