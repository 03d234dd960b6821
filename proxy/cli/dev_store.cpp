#include "proxy/cli/dev_store.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "proxy/cli/store_access.hpp"
#include "store/store.hpp"

namespace postern::cli {

Result<DevStore> DevStore::make() {
  const char* const temporary = std::getenv("TMPDIR");
  std::string directory = temporary != nullptr && *temporary != '\0' ? temporary : "/tmp";
  directory += "/postern-dev-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    return Error{ErrorKind::unavailable, "cannot make " + directory + ": " + std::strerror(errno)};
  }
  return DevStore(std::move(directory));
}

DevStore::~DevStore() {
  if (directory_.empty()) return;
  // What cannot be removed is left to the system, which clears its temporary directories.
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

Result<std::string> DevStore::create_token(const std::string& token_prefix) const {
  store::OpenOptions options;
  options.directory = directory_;
  options.token_prefix = token_prefix;
  options.durable = false;
  POSTERN_TRY(auto store, store::Store::open(options));
  store::TokenSpec spec;
  spec.name = "dev";
  POSTERN_TRY(auto created, store.create_token({"os:" + login_name(), "postern run --dev"}, std::move(spec)));
  return std::move(created.secret);
}

}  // namespace postern::cli
