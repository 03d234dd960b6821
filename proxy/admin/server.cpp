// The control plane: opens everything, starts the shards, then waits for signals, changed files and
// questions.

#include "proxy/admin/server.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>
#include <optional>

#include "proxy/admin/process.hpp"
#include "proxy/admin/running_server.hpp"
#include "proxy/operator_log.hpp"
#include "store/operations.hpp"

namespace postern {
namespace {

using boost::system::error_code;

constexpr std::chrono::seconds inspection_interval{2};  // how old store figures and missing names may be

}  // namespace

Status Server::prepare() {
  POSTERN_TRY_STATUS(load());
  POSTERN_TRY_STATUS(load_certificates());
  POSTERN_TRY(access_log_, AccessLog::open(config().access_log, shard_count(), metrics_));
  if (access_log_->enabled()) shared_.log = access_log_.get();
  POSTERN_TRY(spans_, SpanExporter::start(config().tracing, shard_count(), metrics_));
  shared_.spans = spans_.get();
  POSTERN_TRY_STATUS(make_shards());
  // Last: who asks for the sockets must be ready to serve on them.
  if (!config().handover.empty()) {
    POSTERN_TRY(predecessor_, admin::Predecessor::ask(config().handover));
  }
  POSTERN_TRY(inherited_, admin::InheritedSockets::from_environment());
  POSTERN_TRY_STATUS(listen());
  POSTERN_TRY_STATUS(open_services());
  POSTERN_TRY_STATUS(inherited_.all_taken());
  return upstreams_.start(ruleset_->upstreams);
}

Status Server::load() {
  POSTERN_TRY(const std::string applied, catalog_.apply(store_, "catalog at start"));
  if (!applied.empty()) operator_log(LogLevel::info, applied);
  admin::Problem problem;
  std::string kept;
  ruleset_ = admin::load_ruleset(options_.config, store_, nullptr, sources_.policy, kept, problem);
  if (!ruleset_) return Error{ErrorKind::invalid, "\n" + problem.text};
  admin::PolicyText read = std::move(sources_.policy);
  sources_ = admin::read_sources(options_.sources, config(), read);
  sources_.policy = std::move(read);
  metrics_.last_reload_time = health_.policy_since = std::time(nullptr);
  return {};
}

Status Server::load_certificates() {
  const bool spoken = std::any_of(config().listen.begin(), config().listen.end(),
                                  [](const Listen& listen) { return *listen.tls; });
  if (!spoken) return {};
  POSTERN_TRY_STATUS(certificates_.load(config().tls));
  certificates_in_force();
  return {};
}

void Server::certificates_in_force() {
  health_.tls_problem.clear();
  health_.tls_warnings = certificates_.warnings();
  for (const std::string& warning : certificates_.warnings()) operator_log(LogLevel::warning, warning);
  metrics_.tls_expires = certificates_.in_force()->expires();
}

std::uint32_t Server::shard_count() const {
  return options_.config.shards > 0 ? options_.config.shards : admin::usable_cores();
}

Status Server::make_shards() {
  shared_.newest.store(ruleset_.get(), std::memory_order_release);
  for (std::uint32_t i = 0; i < shard_count(); ++i) {
    POSTERN_TRY(store::Reader reader, store::Reader::open(store_));
    POSTERN_TRY(auto shard, Shard::make(i, shared_, std::move(reader), ruleset_));
    shard->use(certificates_.in_force());
    shards_.push_back(std::move(shard));
  }
  const Reactor& reactor = shards_.front()->reactor();
  if (reactor.gathers())
    operator_log(LogLevel::info, "system calls are gathered by io_uring");
  else if (!reactor.no_batch().empty())
    operator_log(LogLevel::warning, "io_uring is not to be had here (" + reactor.no_batch() +
                                        "): system calls are made one by one");
  return {};
}

Result<ListeningSocket> Server::listening_socket(std::string_view option, const Endpoint& endpoint) {
  if (auto taken = predecessor_.take(option, endpoint)) return std::move(*taken);
  if (auto taken = inherited_.take(option, endpoint)) return std::move(*taken);
  return ListeningSocket::open(endpoint);
}

Status Server::listen() {
  for (const Listen& listen : config().listen) {
    POSTERN_TRY(ListeningSocket socket, listening_socket("listen", listen.endpoint));
    for (const auto& shard : shards_) {
      const int descriptor = socket.duplicate();
      if (descriptor < 0)
        return Error{ErrorKind::unavailable, "listen on " + socket.name() + ": no descriptors left"};
      POSTERN_TRY_STATUS(shard->listen(descriptor, {*listen.tls, listen.proxy_protocol, listen.decide}));
    }
    sockets_.push_back(std::move(socket));
  }
  return {};
}

Status Server::open_services() {
  const auto open = [this](const Endpoint& endpoint, std::string_view what, bool with_metrics) -> Status {
    POSTERN_TRY(ListeningSocket socket, listening_socket(what, endpoint));
    service_names_.emplace_back(what, std::string(what) + " on " + socket.url());
    services_.push_back(std::make_unique<admin::HttpService>(
        io_, std::move(socket),
        [this, with_metrics](std::string_view path) { return respond(path, with_metrics); }));
    return {};
  };
  const bool apart = !config().metrics_listen.empty();
  for (const Endpoint& endpoint : config().admin_listen) POSTERN_TRY_STATUS(open(endpoint, "admin", !apart));
  for (const Endpoint& endpoint : config().metrics_listen)
    POSTERN_TRY_STATUS(open(endpoint, "metrics", true));
  return {};
}

void Server::start_threads() {
  for (const auto& shard : shards_) {
    threads_.emplace_back([this, &shard = *shard] {
      shard.run();
      asio::post(io_, [this] { on_shard_ended(); });
    });
    ++shards_running_;
  }
}

void Server::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

int Server::run() {
  start_threads();
  admin::unblock_signals();
  for (const auto& service : services_) service->start();
  on_files_changed();  // since they were read
  inspect();
  wait_for_signal();
  take_over();
  for (std::size_t i = 0; i < sockets_.size(); ++i)
    announce("listening on " + sockets_[i].url(*config().listen[i].tls));
  for (const auto& [option, text] : service_names_) announce(text);
  tell_ready();
  admin::let_go_of_program_pages();
  watchdog_.start();
  io_.run();
  admin::block_signals();  // all is done: one more signal must not turn that into a death by it
  join();
  usage_.finish();
  return 0;
}

/// From here on this process accepts; the one before may rest.
void Server::take_over() {
  if (config().handover.empty()) return;
  if (predecessor_.found()) {
    if (const Status relieved = predecessor_.relieve(); relieved)
      operator_log(LogLevel::info, "handover: the process before accepts no more, and drains");
    else
      operator_log(LogLevel::warning, relieved.error().message);
    predecessor_ = {};
    for (ListeningSocket& socket : sockets_) socket.claim_path();
    for (const auto& service : services_) service->claim_path();
  }
  if (const Status waits = handover_.listen(config().handover); !waits)
    operator_log(LogLevel::error, "handover: " + waits.error().message + "; nobody can take over");
}

std::vector<admin::HandoverService::Offer> Server::offered_sockets() const {
  std::vector<admin::HandoverService::Offer> offers;
  for (const ListeningSocket& socket : sockets_)
    offers.push_back({admin::handover_name("listen", socket.endpoint()), socket.fd()});
  for (std::size_t i = 0; i < services_.size(); ++i) {
    const ListeningSocket& socket = services_[i]->socket();
    offers.push_back({admin::handover_name(service_names_[i].first, socket.endpoint()), socket.fd()});
  }
  return offers;
}

/// A successor accepts on our sockets: their files are its own now, and so are the probes.
void Server::on_relieved() {
  leave_paths();
  health_.draining = true;
  supervisor_.stopping("relieved by a new process");
  operator_log(LogLevel::info, "relieved by a new process: accepting no more, finishing what is under way");
  if (accepting_) stop_accepting();
}

void Server::leave_paths() {
  for (ListeningSocket& socket : sockets_) socket.leave_path();
  for (const auto& service : services_) service->leave();
}

void Server::wait_for_signal() {
  signals_.async_wait([this](const error_code& error, int signal) {
    if (error) return;
    on_signal(signal);
    wait_for_signal();
  });
}

void Server::on_signal(int signal) {
  if (signal == SIGHUP) {
    if (const Status reopened = access_log_->reopen(); !reopened)
      operator_log(LogLevel::error, reopened.error().message);
    reload_all();
    return;
  }
  if (!health_.draining) {
    begin_drain(signal == SIGINT ? "SIGINT" : "SIGTERM");
    return;
  }
  if (accepting_) {
    stop_accepting();
    return;
  }
  operator_log(LogLevel::warning, "told to end again: connections are closed now");
  for (const auto& shard : shards_) shard->stop();
}

/// From here on we are not ready; whoever sends us connections may need a moment to notice.
void Server::begin_drain(std::string_view why) {
  health_.draining = true;
  supervisor_.stopping("draining");
  const auto delay = config().timeouts.drain_delay;
  if (delay.count() == 0) {
    operator_log(LogLevel::info, std::string(why) + ": accepting no more, finishing what is under way");
    stop_accepting();
    return;
  }
  operator_log(LogLevel::info, std::string(why) + ": not ready any more, accepting for another " +
                                   std::to_string(delay.count()) + " ms");
  drain_deadline_.expires_after(delay);
  drain_deadline_.async_wait([this](const error_code& error) {
    if (!error && accepting_) stop_accepting();
  });
}

void Server::stop_accepting() {
  accepting_ = false;
  // Who has our sockets already goes on with them, and with their files.
  if (handover_.handing_over()) leave_paths();
  handover_.stop();
  sockets_.clear();  // with the shards' duplicates gone too, who connects is refused at once
  watchdog_.begin_drain();
  for (const auto& shard : shards_) shard->drain();
  drain_deadline_.expires_after(config().timeouts.drain);
  drain_deadline_.async_wait([this](const error_code& error) {
    if (error) return;
    operator_log(LogLevel::warning, "drain deadline passed: connections are closed now");
    for (const auto& shard : shards_) shard->stop();
  });
}

void Server::on_shard_ended() {
  if (--shards_running_ == 0) io_.stop();
}

void Server::inspect() {
  look_at_store();
  if (!health_.files_watched) poll_files();
  if (!store_lost_) usage_.turn();
  inspection_.expires_after(inspection_interval);
  inspection_.async_wait([this](const error_code& error) {
    if (!error) inspect();
  });
}

void Server::tell_whether_store_is_lost() {
  const std::string problem = store_place_.problem();
  const bool lost = !problem.empty();
  if (lost) health_.store_problem = problem;
  if (lost == store_lost_) return;
  store_lost_ = lost;
  for (const auto& shard : shards_) shard->set_store_lost(lost);
  operator_log(lost ? LogLevel::error : LogLevel::info,
               "store: " + (lost ? problem + "; requests are answered with 503 until then"
                                 : std::string("it is back at its place")));
}

void Server::look_at_store() {
  const auto space = store_.space();
  const auto catalog = store_.catalog();
  health_.store_problem = !space ? space.error().message : !catalog ? catalog.error().message : std::string();
  tell_whether_store_is_lost();
  if (!space || !catalog) return;
  metrics_.store_used = space->used;
  metrics_.store_size = space->size;
  for (std::size_t i = 0; i < expiry_days.size(); ++i)
    if (const auto count = store::count_expiring(store_, std::time(nullptr), expiry_days[i]); count)
      metrics_.tokens_expiring[i] = *count;
  const policy::Policy& policy = *ruleset_->policy;
  const policy::Binding binding = policy.bind(*catalog);
  health_.missing.clear();
  for (const std::uint32_t symbol : binding.missing) {
    const policy::Symbol& named = policy.symbols()[symbol];
    health_.missing.push_back(std::string(policy::to_string(named.kind)) + " " + named.id);
  }
  health_.rules = policy.rules().size();
  metrics_.policy_missing = health_.missing.size();
  metrics_.policy_rules = health_.rules;
}

admin::Response Server::respond(std::string_view path, bool with_metrics) {
  if (path == "/livez") return {200, "text/plain; charset=utf-8", "alive\n"};
  if (path == "/readyz") {
    look_at_store();
    health_.upstreams = upstreams_.health();
    return {health_.ready() ? 200 : 503, "application/json", admin::render_health(health_)};
  }
  if (with_metrics && path == "/metrics") {
    std::vector<const ShardMetrics*> slabs;
    for (const auto& shard : shards_) slabs.push_back(&shard->metrics());
    return {200, "text/plain; version=0.0.4; charset=utf-8",
            render_metrics(slabs, metrics_, upstreams_.series())};
  }
  return {404, "text/plain; charset=utf-8", "not here; try /livez, /readyz or /metrics\n"};
}

int run_server(ServerOptions options) {
  set_operator_log_level(options.config.log_level);
  admin::block_signals();
  admin::raise_file_limit();
  store::OpenOptions opening;
  opening.directory = options.config.store;
  opening.size_max = options.config.store_size_max;
  opening.token_prefix = options.config.token_prefix;
  opening.durable = !options.config.dev;
  auto store = store::Store::open(opening);
  if (!store) {
    operator_log(LogLevel::error, store.error().message);
    return 1;
  }
  Server server(std::move(options), std::move(*store));
  if (const Status prepared = server.prepare(); !prepared) {
    operator_log(LogLevel::error, prepared.error().message);
    return 1;
  }
  return server.run();
}

}  // namespace postern
