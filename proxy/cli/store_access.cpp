#include "proxy/cli/store_access.hpp"

#include <array>
#include <csignal>
#include <pwd.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

#include "conf/option.hpp"
#include "conf/yaml.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {
namespace {

/// How long a command sleeps on when its wake-up was lost.
constexpr suseconds_t look_again_microseconds = 250'000;

/// LMDB's writers wait for one mutex between processes. When one that is being woken is killed while another
/// has just taken the mutex, the wake-up is lost, and who still waits would sleep although the mutex is free.
/// An interrupted wait looks again, so it is interrupted now and then; calls that read or write are
/// restarted.
void look_again_while_waiting() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
  const itimerval interval{{0, look_again_microseconds}, {0, look_again_microseconds}};
  ::setitimer(ITIMER_REAL, &interval, nullptr);
}

}  // namespace

void StoreAccess::declare(Arguments& arguments) {
  arguments.text("--store", "DIR", directory_,
                 "the store's directory; else POSTERN_STORE, the configuration");
  arguments.text("--config", "FILE", config_file_,
                 "the configuration; else POSTERN_CONFIG, ./postern.yaml, /etc/postern");
}

void StoreAccess::declare_for_change(Arguments& arguments) {
  declare(arguments);
  for_change_ = true;
  arguments.text("--reason", "TEXT", reason_, "why, for the audit log");
}

void StoreAccess::declare_for_risky_change(Arguments& arguments) {
  declare_for_change(arguments);
  arguments.flag("--force", force_, "even if no usable administrator would be left");
}

std::optional<store::OpenOptions> StoreAccess::options() {
  ConfigSources sources;
  sources.file = config_file_;
  sources.store_only = true;
  if (!directory_.empty()) sources.flags.emplace_back("store", directory_);

  Diagnostics diagnostics;
  yaml::Document document;
  const auto loaded = load_config(sources, diagnostics, &document);
  if (!loaded) {
    complain_about(diagnostics, {&document});
    return std::nullopt;
  }
  token_prefix_ = loaded->config.token_prefix;
  if (loaded->config.store_mode == StoreMode::declared) declared_in_ = loaded->config.catalog;
  // Before there is a store, too, which would remember its mode.
  if (for_change_ && !declared_allowed_ && !declared_in_.empty()) {
    complain(store::declared_refusal(declared_in_).message);
    return std::nullopt;
  }

  if (for_change_) look_again_while_waiting();
  store::OpenOptions options;
  options.directory = loaded->config.store;
  options.size_max = loaded->config.store_size_max;
  options.token_prefix = token_prefix_;
  return options;
}

std::optional<store::Store> StoreAccess::open(Missing missing) {
  auto options = this->options();
  if (!options) return std::nullopt;
  options->create = missing == Missing::create;
  auto opened = store::Store::open(*options);
  if (!opened) {
    complain(opened.error().message);
    return std::nullopt;
  }
  return std::move(*opened);
}

store::Actor StoreAccess::actor() const {
  return {"os:" + login_name(), reason_, force_};
}

std::string login_name() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  const uid_t user = ::getuid();
  if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return entry.pw_name;
  return "uid-" + std::to_string(user);
}

}  // namespace postern::cli
