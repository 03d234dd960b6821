// What a running guard consists of. server.cpp starts and ends it, server_reload.cpp takes in what changes
// meanwhile.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/access_log.hpp"
#include "proxy/admin/certificates.hpp"
#include "proxy/admin/declared_catalog.hpp"
#include "proxy/admin/file_watch.hpp"
#include "proxy/admin/handover.hpp"
#include "proxy/admin/health.hpp"
#include "proxy/admin/http_service.hpp"
#include "proxy/admin/ruleset.hpp"
#include "proxy/admin/server.hpp"
#include "proxy/admin/store_place.hpp"
#include "proxy/admin/supervisor.hpp"
#include "proxy/admin/upstream_watch.hpp"
#include "proxy/admin/usage_writer.hpp"
#include "proxy/listening_socket.hpp"
#include "proxy/shard.hpp"

namespace postern {

namespace asio = boost::asio;

/// All members belong to the control thread; shards are spoken to through their mailboxes.
class Server {
 public:
  Server(ServerOptions options, store::Store store)
      : options_(std::move(options)),
        store_(std::move(store)),
        store_place_(options_.config.store),
        catalog_(options_.config),
        signals_(io_, SIGTERM, SIGINT, SIGHUP),
        drain_deadline_(io_),
        inspection_(io_),
        watch_(
            io_, [this] { on_files_changed(); }, [this](const std::string& file) { on_file_stalled(file); }),
        handover_(
            io_, [this] { return offered_sockets(); }, [this] { on_relieved(); }),
        upstreams_(
            io_, shards_,
            [this](std::size_t upstream) {
              return std::string(ruleset_->upstreams[upstream].headers.lines());
            },
            [this](std::size_t upstream) { return ruleset_->upstreams[upstream].tls; }) {}
  ~Server() { join(); }

  /// Everything that can be wrong at a start is found here, before the first connection is accepted.
  [[nodiscard]] Status prepare();
  /// Serves until told to end; the exit code.
  int run();

 private:
  /// A ruleset that some shards may still judge by, and how many have not gone over.
  struct Superseded {
    admin::Ruleset ruleset;
    std::size_t shards = 0;
  };

  [[nodiscard]] Status load();
  [[nodiscard]] Status load_certificates();
  [[nodiscard]] std::uint32_t shard_count() const;
  [[nodiscard]] Status make_shards();
  [[nodiscard]] Status listen();
  [[nodiscard]] Result<ListeningSocket> listening_socket(std::string_view option, const Endpoint& endpoint);
  [[nodiscard]] Status open_services();
  void take_over();
  [[nodiscard]] std::vector<admin::HandoverService::Offer> offered_sockets() const;
  void on_relieved();
  void leave_paths();
  void start_threads();
  void join();

  void wait_for_signal();
  void on_signal(int signal);
  void begin_drain(std::string_view why);
  void stop_accepting();
  void on_shard_ended();
  void on_files_changed();
  void reload_all();
  void tell_ready();
  void on_file_stalled(const std::string& file);
  void reload();
  void put_in_force(admin::Ruleset ruleset);
  void tell_changes(const policy::RuleChanges& changes);
  void let_go(const Snapshot* old);
  void apply_catalog();
  void reload_certificates();
  void certificates_in_force();
  [[nodiscard]] std::vector<std::string> files_to_watch() const;
  void watch_files();
  void poll_files();
  void inspect();
  void look_at_store();
  void tell_whether_store_is_lost();
  admin::Response respond(std::string_view path, bool with_metrics);
  [[nodiscard]] const Config& config() const noexcept { return ruleset_->config; }

  ServerOptions options_;
  store::Store store_;
  const admin::StorePlace store_place_;
  bool store_lost_ = false;
  admin::DeclaredCatalog catalog_;
  admin::Ruleset ruleset_;
  std::vector<Superseded> superseded_;
  admin::Sources sources_;
  admin::Certificates certificates_;
  admin::Health health_;
  ProcessMetrics metrics_;
  std::unique_ptr<AccessLog> access_log_;
  std::unique_ptr<SpanExporter> spans_;
  ShardShared shared_;
  std::vector<std::unique_ptr<Shard>> shards_;
  admin::UsageWriter usage_{store_, shards_, ruleset_, metrics_};
  std::vector<std::thread> threads_;
  std::size_t shards_running_ = 0;
  std::vector<ListeningSocket> sockets_;

  asio::io_context io_{1};
  asio::signal_set signals_;
  asio::steady_timer drain_deadline_;  // first of the delay, then of the drain
  bool accepting_ = true;
  asio::steady_timer inspection_;
  admin::FileWatch watch_;
  std::string polled_;  ///< how the files were at the last look, where they cannot be watched
  admin::Supervisor supervisor_;
  admin::Watchdog watchdog_{io_, shards_, supervisor_};
  admin::Predecessor predecessor_;
  admin::InheritedSockets inherited_;
  admin::HandoverService handover_;
  admin::UpstreamWatch upstreams_;
  std::vector<std::unique_ptr<admin::HttpService>> services_;
  std::vector<std::pair<std::string_view, std::string>> service_names_;  // option, what it is
};

}  // namespace postern
