#include "proxy/admin/policy_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace postern::admin {
namespace {

namespace fs = std::filesystem;

bool lies_below(const fs::path& file, const fs::path& directory) {
  return std::mismatch(directory.begin(), directory.end(), file.begin(), file.end()).first == directory.end();
}

/// Where included files may lie: links followed, and none that is not there.
std::vector<fs::path> homes_of(const std::string& policy) {
  std::vector<fs::path> homes;
  std::error_code error;
  const fs::path written = fs::absolute(policy, error);
  if (fs::path home = fs::canonical(written.parent_path(), error); !error) homes.push_back(std::move(home));
  if (fs::path real = fs::canonical(written, error); !error) homes.push_back(real.parent_path());
  return homes;
}

std::string flaw_of(const std::string& path, const std::vector<fs::path>& homes) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return "cannot be opened: " + error.message();
  if (!fs::is_regular_file(real, error)) return "is not a regular file";
  const bool home = std::any_of(homes.begin(), homes.end(),
                                [&](const fs::path& directory) { return lies_below(real, directory); });
  return home ? std::string() : "is a link that leads out of the policy's directory";
}

}  // namespace

policy::PolicyFiles read_policy(const std::string& path, Diagnostics& diagnostics) {
  const std::vector<fs::path> homes = homes_of(path);
  return policy::gather_files(
      path, {[&homes](const std::string& file) { return flaw_of(file, homes); }, yaml::load}, diagnostics);
}

}  // namespace postern::admin
