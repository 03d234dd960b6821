// The running guard: shards, control thread, reload, drain.

#pragma once

#include <string>

#include "conf/config.hpp"
#include "conf/option.hpp"
#include "conf/result.hpp"

namespace postern {

/// What `postern run` needs beyond the configuration itself.
struct ServerOptions {
  Config config;
  ConfigSources sources;  ///< read again on reload
  std::string dev_token;  ///< with --dev: the token printed at start
};

/// Opens store and policy, listens, serves until SIGTERM or SIGINT, drains, returns the exit code. Start
/// errors are printed to standard error as sentences and return 1. Logs go to standard error, the access log
/// where configured. Prints one line `postern: listening on http://127.0.0.1:8080` per listener (with the
/// real port when 0 was asked for), and likewise `postern: admin on …`, to standard error once ready.
[[nodiscard]] int run_server(ServerOptions options);

}  // namespace postern
