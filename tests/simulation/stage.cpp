#include "tests/simulation/stage.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/admin/ruleset.hpp"

namespace postern::test {
namespace {

constexpr std::string_view policy = R"(version: 1
rules:
  - {id: open, path: /open/**, allow: anonymous}
  - {id: private, path: /private/**, authenticated: true}
)";

/// Small, so that a body of some hundred kilobytes meets a full one.
constexpr int socket_buffer_bytes = 8 * 1024;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

SocketAddress unix_address(const std::string& path) {
  Endpoint endpoint;
  endpoint.unix_path = path;
  return must(literal_address(endpoint)).value();
}

void make_small(int descriptor) {
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &socket_buffer_bytes, sizeof socket_buffer_bytes);
}

}  // namespace

void Connection::close() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void Connection::end() noexcept {
  if (descriptor_ >= 0) ::shutdown(descriptor_, SHUT_WR);
}

std::size_t Connection::say(std::string_view bytes) noexcept {
  if (descriptor_ < 0 || bytes.empty()) return 0;
  const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0 && errno != EAGAIN) broken_ = true;
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

std::size_t Connection::hear(std::string& to, std::size_t max) {
  if (descriptor_ < 0 || ended_ || max == 0) return 0;
  const std::size_t before = to.size();
  to.resize(before + max);
  const ssize_t count = ::recv(descriptor_, to.data() + before, max, MSG_DONTWAIT);
  to.resize(before + (count > 0 ? static_cast<std::size_t>(count) : 0));
  if (count == 0) ended_ = true;
  if (count < 0 && errno != EAGAIN) ended_ = broken_ = true;
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

Stage::Stage() : upstream_path_((directory_.path() / "upstream.sock").string()) {
  const std::string policy_file = directory_.write("policy.yaml", policy);
  ConfigSources sources;
  sources.environment.emplace();
  sources.file = directory_.write("postern.yaml",
                                  "upstream: unix:" + upstream_path_ + "\npolicy: " + policy_file +
                                      "\nstore: " + directory_.path().string() + "\nlimits: {body: 4MiB}\n");
  Diagnostics diagnostics;
  auto loaded = load_config(sources, diagnostics);
  if (!loaded) throw std::runtime_error("the stage's configuration has mistakes");

  store::OpenOptions options;
  options.directory = loaded->config.store;
  options.size_max = 16 * 1024 * 1024;
  options.durable = false;
  store_ = std::make_unique<store::Store>(must(store::Store::open(options)));
  store::TokenSpec spec;
  spec.name = "stage";
  token_ = must(store_->create_token({"test", ""}, std::move(spec))).secret;

  std::string kept;
  admin::Problem problem;
  admin::PolicyText read;
  const admin::Ruleset ruleset = admin::load_ruleset(loaded->config, *store_, nullptr, read, kept, problem);
  if (!ruleset) throw std::runtime_error(problem.text);
  shard_ = must(Shard::make(0, shared_, must(store::Reader::open(*store_)), ruleset));
  shard_->set_upstream_targets(0, {UpstreamTarget{unix_address(upstream_path_), 0, {}, "localhost"}});
  listen(true);
  now_ = shard_->reactor().now();
  step();
}

Stage::~Stage() {
  shard_->stop();
  for (int i = 0; i < 3; ++i) step();
  if (listener_ >= 0) ::close(listener_);
}

Connection Stage::connect() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    throw std::runtime_error("no socket pair");
  make_small(ends[0]);
  make_small(ends[1]);
  SocketAddress address;
  address.storage.ss_family = AF_UNIX;
  address.size = sizeof(sa_family_t);
  shard_->begin_session(ends[0], address, ListenerRole{});
  return Connection(ends[1]);
}

void Stage::listen(bool answers) {
  if (answers == (listener_ >= 0)) return;
  if (!answers) {
    ::close(std::exchange(listener_, -1));
    ::unlink(upstream_path_.c_str());
    return;
  }
  const SocketAddress address = unix_address(upstream_path_);
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  make_small(listener_);
  if (listener_ < 0 || ::bind(listener_, address.get(), address.size) != 0 || ::listen(listener_, 64) != 0)
    throw std::runtime_error("the stage's upstream cannot listen");
}

Connection Stage::accept() {
  if (listener_ < 0) return {};
  const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor >= 0) make_small(descriptor);
  return Connection(descriptor);
}

void Stage::step(const Arrange& arrange) {
  shard_->step(now_, arrange);
}

}  // namespace postern::test
