// A policy and what it includes, from the disk.

#pragma once

#include <string>
#include <vector>

#include "policy/policy_files.hpp"

namespace postern::admin {

/// Reads the policy at `path` and the files that it includes (policy/policy_files.hpp). An included file has
/// to be a regular file, and to lie below the policy's directory when links are followed, or below that
/// which the policy itself lies in: so a ConfigMap's links are good, and no file of a team brings lines of
/// another secret into the log.
[[nodiscard]] policy::PolicyFiles read_policy(const std::string& path, Diagnostics& diagnostics);

/// The same where the policy's own file is at hand already, or is to be written; only what it includes is
/// read.
[[nodiscard]] policy::PolicyFiles read_policy(const yaml::Document& first, Diagnostics& diagnostics);

/// The texts of a policy's files one after the other, as they were read.
[[nodiscard]] std::string texts_of(const policy::PolicyFiles& files);
/// The same of these files (the policy first) as read_policy() would read them now; to see whether they have
/// changed.
[[nodiscard]] std::string read_texts(const std::vector<std::string>& files);

}  // namespace postern::admin
