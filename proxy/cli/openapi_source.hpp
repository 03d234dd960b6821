// The API's own document that a command looks at.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conf/yaml.hpp"
#include "policy/openapi.hpp"
#include "proxy/cli/arguments.hpp"

namespace postern::cli {

/// Options by which commands are told of an OpenAPI document.
class OpenapiSource {
 public:
  /// Declares --openapi, --timeout and --base.
  void declare(Arguments& arguments);
  [[nodiscard]] bool given() const noexcept { return !place_.empty(); }
  /// Reads the document and its operations. False when that cannot be done or there are mistakes, which was
  /// said.
  [[nodiscard]] bool load();

  [[nodiscard]] const std::string& place() const noexcept { return place_; }
  [[nodiscard]] const yaml::Document& document() const noexcept { return document_; }
  [[nodiscard]] const std::vector<policy::Operation>& operations() const noexcept { return operations_; }

 private:
  std::string place_, base_;
  std::uint64_t seconds_ = 30;
  yaml::Document document_;
  std::vector<policy::Operation> operations_;
};

}  // namespace postern::cli
