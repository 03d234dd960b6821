// Which rights the requests of an access log needed, by subject. Memory grows with subjects and rights, not
// with lines.

#pragma once

#include <map>
#include <set>
#include <string>

#include "proxy/cli/foreseen.hpp"
#include "proxy/cli/needed_rights.hpp"

namespace postern::cli {

/// What one subject did.
struct SubjectUse {
  /// Where a permission was needed.
  struct Where {
    bool everywhere = false;          ///< by a rule without a resource, or on too many
    std::set<std::string> resources;  ///< at most resources_max
  };
  static constexpr std::size_t resources_max = 8;  ///< more grants than that nobody would look after

  std::string type, id;  ///< "token" or "user", and its id
  std::uint64_t requests = 0;
  std::uint64_t refusable = 0;  ///< of them that pass only because of shadow mode, or were denied
  std::map<std::string, Where> permissions;
  std::set<std::string> roles, groups, licenses;  ///< that rules demanded
  policy::Holdings holdings;                      ///< what it holds now
  bool known = false;                             ///< whether the store has it (still)
};

class ObservedUse {
 public:
  static constexpr std::size_t subjects_max = 100'000;

  /// All outlive this. `denied`: also requests that were denied for want of rights.
  ObservedUse(const AskedPolicy& policy, Foresight& foresight, bool denied)
      : policy_(policy), foresight_(foresight), denied_(denied) {}

  void take(const LoggedRequest& then, AskedRequest& asked);

  [[nodiscard]] const std::map<std::string, SubjectUse>& subjects() const noexcept { return subjects_; }
  [[nodiscard]] std::uint64_t counted() const noexcept { return counted_; }
  /// Requests that say nothing of rights: without a valid token, denied, or refused before any rule.
  [[nodiscard]] std::uint64_t aside() const noexcept { return aside_; }
  /// Requests that no right would let in under this policy: no rule, `deny`, another owner.
  [[nodiscard]] std::uint64_t hopeless() const noexcept { return hopeless_; }
  /// Requests of subjects beyond subjects_max.
  [[nodiscard]] std::uint64_t beyond() const noexcept { return beyond_; }

 private:
  [[nodiscard]] bool counts(const LoggedRequest& then) const;
  [[nodiscard]] SubjectUse* use_of(const LoggedRequest& then, const policy::HeldSubject* holder);

  const AskedPolicy& policy_;
  Foresight& foresight_;
  const bool denied_;
  std::map<std::string, SubjectUse> subjects_;
  std::uint64_t counted_ = 0, aside_ = 0, hopeless_ = 0, beyond_ = 0;
};

}  // namespace postern::cli
