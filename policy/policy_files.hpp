// The files of a policy: the one that is named, and what it includes. Which files those are is found here;
// reading them is the caller's.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/yaml.hpp"

namespace postern::policy {

/// One file of a policy.
struct PolicyFile {
  yaml::Document document;   ///< a null root when it could not be read or parsed
  std::string name;          ///< what its rules without an id are named by: the first file's without its
                             ///< directories, of an included one the path from there
  std::uint32_t parent = 0;  ///< index of the file that includes it; of the first, itself
};

/// The first is the one that was named; each stands behind the file that includes it. Never empty.
using PolicyFiles = std::vector<PolicyFile>;

/// The same as who compiles it looks at it.
struct FileView {
  const yaml::Document* document = nullptr;
  std::string_view name;
  std::uint32_t parent = 0;
};
using FileViews = std::vector<FileView>;

/// How files are reached.
struct FileAccess {
  /// Why an included file is not to be read (it does not exist, it lies elsewhere), or empty.
  std::function<std::string(const std::string& path)> flaw;
  /// Mistakes are added; the document has its name in any case.
  std::function<yaml::Document(const std::string& path, Diagnostics& diagnostics)> read;
};

/// Reads the policy at `path` and whatever its files include (`include: [teams/orders.yaml]`, from the
/// directory of the file in which it stands). A path that leads out of that directory, a pattern, a circle
/// and a file included twice are mistakes at their place; so are more than limits::policy_files_max files.
/// What could not be read is among the files, so that it can be watched for.
[[nodiscard]] PolicyFiles gather_files(const std::string& path, const FileAccess& access,
                                       Diagnostics& diagnostics);

/// The documents alone, for yaml::render().
[[nodiscard]] std::vector<const yaml::Document*> documents_of(const PolicyFiles& files);

}  // namespace postern::policy
