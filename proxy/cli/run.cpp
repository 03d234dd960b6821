#include <algorithm>
#include <optional>

#include "conf/option.hpp"
#include "conf/yaml.hpp"
#include "proxy/admin/server.hpp"
#include "proxy/cli/arguments.hpp"
#include "proxy/cli/cli.hpp"
#include "proxy/cli/config_options.hpp"
#include "proxy/cli/dev_store.hpp"
#include "proxy/cli/output.hpp"

namespace postern::cli {
namespace {

/// The configuration, or nothing when it has mistakes, which were then said on standard error.
std::optional<Config> load(const ConfigSources& sources) {
  Diagnostics diagnostics;
  yaml::Document document;
  auto loaded = load_config(sources, diagnostics, &document);
  if (loaded) return std::move(loaded->config);
  complain_about(diagnostics, {&document});
  return std::nullopt;
}

int serve(ConfigSources sources) {
  auto config = load(sources);
  if (!config) return exit_failed;
  return run_server({std::move(*config), std::move(sources), {}});
}

/// Where to try it: the first listener, as curl wants it.
std::string curl_target(const Config& config) {
  if (config.listen.empty()) return "http://127.0.0.1/";
  const Endpoint& listener = config.listen.front().endpoint;
  const std::string scheme = *config.listen.front().tls ? "https://" : "http://";
  if (listener.is_unix()) return "--unix-socket " + listener.unix_path + " " + scheme + "localhost/";
  // The port that the system gives is known only once we listen; it is told then.
  if (listener.port == 0) return scheme + listener.host + ":PORT/";
  return scheme + listener.to_string() + '/';
}

/// Needs no files: a store that is gone afterwards, and a token that may do everything.
int serve_for_trying(ConfigSources sources) {
  auto store = DevStore::make();
  if (!store) return fail(store.error());
  // As a flag, so that a reload finds the same store again.
  std::erase_if(sources.flags, [](const auto& flag) { return flag.first == "store"; });
  sources.flags.emplace_back("store", store->directory());
  sources.dev = true;

  auto config = load(sources);
  if (!config) return exit_failed;
  config->dev = true;
  config->admin_listen.clear();
  if (const auto open = std::find_if_not(config->listen.begin(), config->listen.end(),
                                         [](const Listen& listen) { return is_loopback(listen.endpoint); });
      open != config->listen.end()) {
    complain("--dev listens on the loopback interface only, not on " + open->endpoint.to_string());
    return exit_failed;
  }
  auto token = store->create_token(config->token_prefix);
  if (!token) return fail(token.error());
  // On standard error, since standard output is the access log's.
  complain("store " + store->directory());
  complain("token " + *token);
  complain("try: curl -i -H \"Authorization: Bearer " + *token + "\" " + curl_target(*config));
  return run_server({std::move(*config), std::move(sources), std::move(*token)});
}

int run_command(Arguments& arguments) {
  ConfigSources sources;
  bool dev = false;
  declare_config(arguments, sources);
  arguments.flag(
      "--dev", dev,
      "for trying things out: a temporary store, one token that is printed, every valid token may pass; "
      "needs only --upstream");
  if (!arguments.parse()) return arguments.exit_code();
  return dev ? serve_for_trying(std::move(sources)) : serve(std::move(sources));
}

}  // namespace

const Command run{
    "run",
    "Guards the upstream until SIGTERM or SIGINT. SIGHUP, or a change of the files, reloads.",
    "postern run --config postern.yaml\n"
    "postern run --upstream http://127.0.0.1:8000 --dev",
    run_command,
};

}  // namespace postern::cli
