// The least rights that observed requests need, proposed: by subject, and by role.

#pragma once

#include <boost/json/fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "proxy/cli/observed_use.hpp"

namespace postern::cli {

class Suggestion {
 public:
  /// All outlive this.
  Suggestion(const ObservedUse& use, const AskedPolicy& policy, const store::Store& store);

  [[nodiscard]] std::string text(const LogReader& log) const;
  [[nodiscard]] boost::json::object record(const LogReader& log) const;
  /// A catalog file that takes from roles what nobody used through them, and gives users what they lack. A
  /// role that somebody holds who is not in the log stays as it is.
  [[nodiscard]] std::string catalog(const LogReader& log) const;

 private:
  /// What one subject should hold.
  struct ForSubject {
    const SubjectUse* use = nullptr;
    std::set<std::string> roles, permissions;  ///< to hold; together they give what is needed everywhere
    std::vector<store::ResourceGrant> grants;
    store::Assignments lacking;     ///< needed and not held
    std::vector<std::string> idle;  ///< permissions that are held and were not needed
    std::string command;            ///< that makes it so; empty when it is so, or the store does not know it
  };
  struct ForRole {
    std::string id;
    std::size_t holders = 0;  ///< among the subjects of the log
    std::size_t others = 0;   ///< holders in the store that the log does not name
    std::vector<std::string> used, idle;
  };

  void shun_denied(const policy::Requirement& part, bool denied);
  [[nodiscard]] ForSubject suggest_for(const SubjectUse& use) const;
  void choose_roles(const std::set<std::string>& needed, ForSubject& subject) const;
  void compare_with_held(ForSubject& subject) const;
  void suggest_for_roles();
  /// Those who hold a permission through this role and are not in the log.
  [[nodiscard]] std::size_t others_with(const std::string& role, const std::string& permission) const;
  [[nodiscard]] std::set<std::string> permissions_of(const std::string& role) const;

  const ObservedUse& use_;
  const AskedPolicy& policy_;
  const store::Store& store_;
  std::set<std::string> shunned_;  ///< roles that some rule keeps out
  std::vector<ForSubject> subjects_;
  std::vector<ForRole> roles_;  ///< those that somebody of the log holds
};

}  // namespace postern::cli
