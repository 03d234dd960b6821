#include "proxy/admin/policy_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <vector>

namespace postern::admin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // yaml::load() drops it, too

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

policy::PolicyFiles read_policy(const yaml::Document& first, Diagnostics& diagnostics) {
  const std::vector<fs::path> homes = homes_of(first.file);
  return policy::gather_files(first.file,
                              {[&homes](const std::string& file) { return flaw_of(file, homes); },
                               [&first](const std::string& file, Diagnostics& found) {
                                 return file == first.file ? first : yaml::load(file, found);
                               }},
                              diagnostics);
}

std::string texts_of(const policy::PolicyFiles& files) {
  std::string texts;
  for (const policy::PolicyFile& file : files) texts += '\0' + file.document.text;
  return texts;
}

std::string read_texts(const std::vector<std::string>& files) {
  std::string texts;
  const std::vector<fs::path> homes = files.empty() ? std::vector<fs::path>() : homes_of(files.front());
  for (const std::string& file : files) {
    texts += '\0';
    if (&file != &files.front() && !flaw_of(file, homes).empty()) continue;
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
    texts += text;
  }
  return texts;
}

}  // namespace postern::admin
