// A request as it is written in a question: `GET /orders/17?x=1` or `GET https://api.example.com/orders`.

#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "conf/limits.hpp"
#include "policy/condition.hpp"
#include "policy/policy.hpp"
#include "policy/target.hpp"
#include "proxy/cli/arguments.hpp"

namespace postern::cli {

/// A request in canonical form, as the gate would see it. Owns what it looks at; does not move.
/// A method as people type it, for AskedRequest::read().
[[nodiscard]] std::string upper_case(std::string text);

class AskedRequest {
 public:
  AskedRequest() = default;
  AskedRequest(const AskedRequest&) = delete;
  AskedRequest& operator=(const AskedRequest&) = delete;

  /// `method` is taken as it is. `host` may be empty; one in the target replaces it. What is wrong, or empty.
  /// A path that is refused is not wrong: then error() says why.
  [[nodiscard]] std::string read(std::string_view method, std::string_view target, std::string_view host);

  /// Keeps escaped slashes in the path where this policy keeps them: then error() is gone.
  void keep_slashes(const policy::Policy& policy);

  [[nodiscard]] const std::string& method() const noexcept { return method_; }
  /// As it was written.
  [[nodiscard]] const std::string& target() const noexcept { return target_; }
  [[nodiscard]] std::string_view host() const noexcept { return host_.name; }
  [[nodiscard]] const policy::CanonicalPath& path() const noexcept { return path_; }
  [[nodiscard]] std::string_view query() const noexcept { return query_; }
  /// `OPTIONS *`
  [[nodiscard]] bool asterisk() const noexcept { return asterisk_; }
  [[nodiscard]] policy::TargetError error() const noexcept { return error_; }

 private:
  std::string method_, target_, raw_host_, raw_path_, query_;
  bool asterisk_ = false;
  policy::TargetError error_ = policy::TargetError::none;
  policy::CanonicalPath path_;
  policy::CanonicalHost host_;
  std::array<char, limits::host_bytes_max> host_text_{};
  std::array<char, limits::target_bytes_max> path_text_{};
};

/// --header and --client: what conditions look at beside the query.
class FactOptions {
 public:
  void declare(Arguments& arguments);
  /// Good as long as this and `query`.
  [[nodiscard]] policy::ConditionInput input(std::string_view query) const;

 private:
  std::vector<std::string> names_, values_;
  mutable std::vector<policy::HeaderField> fields_;
  std::array<std::uint8_t, 16> client_{};
};

}  // namespace postern::cli
